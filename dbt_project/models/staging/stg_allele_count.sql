{#- Where samples are left out, or nobody has kept the sums, they are made of the samples' rows. -#}
{% if var('sum_anew', '') %}
select
    calls.contig,
    calls.position,
    calls.ref,
    calls.alt,
    samples.sex,
    cast(calls.copies as bigint) as allele_count,
    cast(1 as bigint) as carriers,
    cast(case when calls.copies = calls.ploidy and calls.ploidy > 1 then 1 else 0 end as bigint) as homozygotes,
    cast(
        case when calls.ploidy = 1 and calls.contig not in ('MT', 'M', 'chrM', 'chrMT') then 1 else 0 end as bigint
    ) as hemizygotes
from {{ ref('stg_calls') }} as calls
inner join {{ ref('stg_samples') }} as samples on calls.sample_id = samples.sample_id
{% else %}
select contig, position, ref, alt, sex, allele_count, carriers, homozygotes, hemizygotes
from {{ delta('allele_count', of_samples=false) }}
{% endif %}

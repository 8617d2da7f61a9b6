with disease_alleles as (
    select contig, position, ref, alt, gene
    from {{ ref('stg_gene_alleles') }}
    where looked_at
),

{{
    carriers(
        'disease_alleles',
        calls=ref('stg_calls'),
        samples=ref('dim_sample'),
        annotated=ref('stg_annotated_samples'),
    )
}},

counted as (
    select
        gene,
        count(*) as carriers,
        sum(case when copies = 1 and ploidy > 1 then 1 else 0 end) as with_one_copy
    from carried
    group by gene
),

told as (
    select
        gene,
        {{ disclosed('sizes.samples', of='sizes.samples') }} as samples,
        {{ disclosed('counted.carriers', of='sizes.samples') }} as carriers,
        {{ disclosed('counted.with_one_copy', of='counted.carriers') }} as with_one_copy
    from counted
    cross join sizes
)

select gene, samples, carriers, cast(carriers as double) / samples as carrier_share, with_one_copy
from told
where carriers is not null

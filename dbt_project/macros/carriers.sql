{#- By gene and sample the copies of some alleles that lie in the gene, of samples whose variants were annotated: of
    the others nobody knows in which genes their alleles lie. `alleles` is a query above it with contig (plain),
    position, ref, alt and gene. -#}
{% macro carriers(alleles, calls, samples, annotated) -%}
looked_at as (
    select annotated.sample_id
    from {{ annotated }} as annotated
    inner join {{ samples }} as samples on annotated.sample_id = samples.sample_id
),

sizes as (
    select count(*) as samples from looked_at
),

carried as (
    select alleles.gene, calls.sample_id, sum(calls.copies) as copies, max(calls.ploidy) as ploidy
    from {{ calls }} as calls
    inner join looked_at on calls.sample_id = looked_at.sample_id
    inner join {{ alleles }} as alleles
        on {{ plain('calls.contig') }} = alleles.contig
        and calls.position = alleles.position
        and calls.ref = alleles.ref
        and calls.alt = alleles.alt
    group by alleles.gene, calls.sample_id
)
{%- endmacro %}

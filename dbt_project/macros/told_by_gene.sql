{#- How a mart of genes ends: carriers by gene and how many of them also fulfil a condition, as counts may leave. What
    stands above it has `carriers` (macro): the queries carried and sizes.
    `part` is a condition on carried, `named` the column that tells how many fulfil it. -#}
{% macro told_by_gene(part, named) -%}
counted as (
    select gene, count(*) as carriers, sum(case when {{ part }} then 1 else 0 end) as among_them
    from carried
    group by gene
),

told as (
    select
        gene,
        {{ disclosed('sizes.samples', of='sizes.samples') }} as samples,
        {{ disclosed('counted.carriers', of='sizes.samples') }} as carriers,
        {{ disclosed('counted.among_them', of='counted.carriers') }} as {{ named }}
    from counted
    cross join sizes
)

select gene, samples, carriers, cast(carriers as double) / samples as carrier_share, {{ named }}
from told
where carriers is not null
{%- endmacro %}

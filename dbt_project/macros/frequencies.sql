{#- Frequencies from three queries that the model has above: alleles (signed counts by allele), steps (where along a
    contig the copies that were not called rise or fall) and sizes (samples); all by the columns in by, if any.

    The allele number of a site is two copies a sample less the copies missing there. Missing copies are a step
    function along the contig: sites are laid among its steps and each takes the running sum at its place. What is
    summed are changes: what samples added, less what replaced and withdrawn ones took away. -#}
{% macro frequencies(by=[]) -%}
{%- set keys = by | join(', ') ~ (', ' if by else '') -%}
sites as (
    select
        {{ keys }}contig,
        position,
        ref,
        alt,
        sum(allele_count) as allele_count,
        sum(carriers) as carriers,
        sum(homozygotes) as homozygotes,
        sum(hemizygotes) as hemizygotes
    from alleles
    group by {{ keys }}contig, position, ref, alt
    having sum(carriers) <> 0
),

places as (
    select {{ keys }}contig, place, 0 as is_site, sum(step) as change
    from steps
    group by {{ keys }}contig, place
    union all
    select distinct {{ keys }}contig, position - 1 as place, 1 as is_site, 0 as change
    from sites
),

running as (
    select
        {{ keys }}contig,
        place,
        is_site,
        sum(change) over (
            partition by {{ keys }}contig
            order by place, is_site
            rows between unbounded preceding and current row
        ) as missing_copies
    from places
)

select
    {%- for key in by %}
    sites.{{ key }},
    {%- endfor %}
    sites.contig,
    sites.position,
    sites.ref,
    sites.alt,
    cast(sites.allele_count as bigint) as allele_count,
    cast(2 * sizes.samples - running.missing_copies as bigint) as allele_number,
    cast(sites.allele_count as double) / (2 * sizes.samples - running.missing_copies) as allele_frequency,
    cast(sites.carriers as bigint) as carriers,
    cast(sites.homozygotes as bigint) as homozygotes,
    cast(sites.hemizygotes as bigint) as hemizygotes
from sites
inner join running
    on sites.contig = running.contig and sites.position - 1 = running.place and running.is_site = 1
    {%- for key in by %} and sites.{{ key }} = running.{{ key }}{% endfor %}
{% if by -%}
inner join sizes on {% for key in by %}{{ ' and ' if not loop.first }}sites.{{ key }} = sizes.{{ key }}{% endfor %}
{%- else -%}
cross join sizes
{%- endif %}
{%- endmacro %}

-- The allele number of a site is two copies a sample less the copies missing there. Missing copies are a step
-- function along the contig: sites are laid among its steps and each takes the running sum at its place.
-- What is summed are changes: what samples added, less what replaced and withdrawn ones took away.
with sites as (
    select
        contig,
        position,
        ref,
        alt,
        sum(allele_count) as allele_count,
        sum(carriers) as carriers,
        sum(homozygotes) as homozygotes,
        sum(hemizygotes) as hemizygotes
    from {{ ref('stg_allele_count') }}
    group by contig, position, ref, alt
    having sum(carriers) <> 0
),

places as (
    select contig, place, 0 as is_site, sum(step) as change
    from {{ ref('stg_coverage_step') }}
    group by contig, place
    union all
    select distinct contig, position - 1 as place, 1 as is_site, 0 as change
    from sites
),

running as (
    select
        contig,
        place,
        is_site,
        sum(change) over (
            partition by contig
            order by place, is_site
            rows between unbounded preceding and current row
        ) as missing_copies
    from places
),

samples as (
    select count(*) as samples from {{ ref('dim_sample') }}
)

select
    sites.contig,
    sites.position,
    sites.ref,
    sites.alt,
    cast(sites.allele_count as bigint) as allele_count,
    cast(2 * samples.samples - running.missing_copies as bigint) as allele_number,
    cast(sites.allele_count as double) / (2 * samples.samples - running.missing_copies) as allele_frequency,
    cast(sites.carriers as bigint) as carriers,
    cast(sites.homozygotes as bigint) as homozygotes,
    cast(sites.hemizygotes as bigint) as hemizygotes
from sites
inner join running
    on sites.contig = running.contig and sites.position - 1 = running.place and running.is_site = 1
cross join samples

-- As cohort_allele_frequency, for each stratum by itself. Counts by sex are kept as sums; those of other strata are made
-- of their members' rows, since what a sample belongs to changes without its calls.
with members as (
    select strata.sample_id, strata.kind, strata.stratum
    from {{ ref('stg_strata') }} as strata
    inner join {{ ref('dim_sample') }} as samples on strata.sample_id = samples.sample_id
    inner join (
        select kind, stratum
        from {{ ref('stg_strata') }}
        group by kind, stratum
        having count(*) >= {{ var('minimum_cell') }}
    ) as large on strata.kind = large.kind and strata.stratum = large.stratum
),

sizes as (
    select 'sex' as kind, sex as stratum, count(*) as samples from {{ ref('dim_sample') }} group by sex
    union all
    select kind, stratum, count(*) as samples from members group by kind, stratum
),

alleles as (
    select 'sex' as kind, sex as stratum, contig, position, ref, alt, allele_count, carriers, homozygotes, hemizygotes
    from {{ ref('stg_allele_count') }}
    union all
    select
        members.kind,
        members.stratum,
        calls.contig,
        calls.position,
        calls.ref,
        calls.alt,
        calls.copies as allele_count,
        1 as carriers,
        case when calls.copies = calls.ploidy and calls.ploidy > 1 then 1 else 0 end as homozygotes,
        case when calls.ploidy = 1 and calls.contig not in ('MT', 'M', 'chrM', 'chrMT') then 1 else 0 end as hemizygotes
    from {{ ref('stg_calls') }} as calls
    inner join members on calls.sample_id = members.sample_id
),

steps as (
    select 'sex' as kind, sex as stratum, contig, place, step from {{ ref('stg_coverage_step') }}
    union all
    select members.kind, members.stratum, no_calls.contig, no_calls.start as place, no_calls.missing_copies as step
    from {{ ref('stg_no_calls') }} as no_calls
    inner join members on no_calls.sample_id = members.sample_id
    union all
    select members.kind, members.stratum, no_calls.contig, no_calls.{{ adapter.quote('end') }}, -no_calls.missing_copies
    from {{ ref('stg_no_calls') }} as no_calls
    inner join members on no_calls.sample_id = members.sample_id
),

{{ frequencies(by=['kind', 'stratum']) }}

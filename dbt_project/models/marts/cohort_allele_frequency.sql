with alleles as (
    select contig, position, ref, alt, allele_count, carriers, homozygotes, hemizygotes
    from {{ ref('stg_allele_count') }}
),

steps as (
    select contig, place, step from {{ ref('stg_coverage_step') }}
),

sizes as (
    select count(*) as samples from {{ ref('dim_sample') }}
),

{{ frequencies() }}

-- A person with two findings of a kind in one gene counts once.
with reported as (
    select sample_id from {{ ref('stg_cases') }} where days_to_report is not null
),

sizes as (
    select count(*) as people from reported
),

found as (
    select
        findings.gene,
        findings.category,
        findings.classification,
        findings.sample_id,
        max(case when findings.signed = 'yes' then 1 else 0 end) as signed
    from {{ ref('stg_told_findings') }} as findings
    inner join reported on findings.sample_id = reported.sample_id
    where findings.gene is not null and findings.category not in ('uncertain', 'candidate')
    group by findings.gene, findings.category, findings.classification, findings.sample_id
),

counted as (
    select gene, category, classification, count(*) as people, sum(signed) as signed
    from found
    group by gene, category, classification
),

told as (
    select
        counted.gene,
        counted.category,
        counted.classification,
        {{ disclosed('sizes.people', of='sizes.people') }} as reported,
        {{ disclosed('counted.people', of='sizes.people') }} as people,
        {{ disclosed('counted.signed', of='counted.people') }} as signed
    from counted
    cross join sizes
)

select gene, category, classification, reported, people, signed
from told
where people is not null

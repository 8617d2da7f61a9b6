select
    month,
    count(*) as received,
    cast(sum(case when stage = 'held' then 1 else 0 end) as bigint) as held,
    count(days_to_report) as cases_reported,
    count(days_to_signature) as cases_signed,
    median(days_to_report) as median_days_to_report,
    max(days_to_report) as longest_days_to_report,
    median(days_to_signature) as median_days_to_signature,
    max(days_to_signature) as longest_days_to_signature
from {{ ref('stg_cases') }}
group by month

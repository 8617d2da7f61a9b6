select
    sample_id,
    sex,
    family_id,
    father_id,
    mother_id,
    reference,
    caller,
    calls_version
from {{ ref('stg_samples') }}

select
    strata.sample_id,
    strata.kind,
    strata.stratum
from {{ ref('stg_strata') }} as strata
inner join {{ ref('dim_sample') }} as samples on strata.sample_id = samples.sample_id

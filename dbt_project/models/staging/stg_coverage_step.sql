{#- Where samples are left out, or nobody has kept the sums, they are made of the samples' rows. -#}
{% if var('sum_anew', '') %}
select missing.contig, missing.start as place, samples.sex, cast(missing.missing_copies as bigint) as step
from {{ ref('stg_missing') }} as missing
inner join {{ ref('stg_samples') }} as samples on missing.sample_id = samples.sample_id
union all
select missing.contig, missing.{{ adapter.quote('end') }}, samples.sex, -cast(missing.missing_copies as bigint)
from {{ ref('stg_missing') }} as missing
inner join {{ ref('stg_samples') }} as samples on missing.sample_id = samples.sample_id
{% else %}
select contig, place, sex, step
from {{ delta('coverage_step', of_samples=false) }}
{% endif %}

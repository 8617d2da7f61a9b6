{#- Where samples are left out, or nobody has kept the sums, they are made of the samples' rows. -#}
{% if var('sum_anew', '') %}
select no_calls.contig, no_calls.start as place, samples.sex, cast(no_calls.missing_copies as bigint) as step
from {{ ref('stg_no_calls') }} as no_calls
inner join {{ ref('stg_samples') }} as samples on no_calls.sample_id = samples.sample_id
union all
select no_calls.contig, no_calls.{{ adapter.quote('end') }}, samples.sex, -cast(no_calls.missing_copies as bigint)
from {{ ref('stg_no_calls') }} as no_calls
inner join {{ ref('stg_samples') }} as samples on no_calls.sample_id = samples.sample_id
{% else %}
select contig, place, sex, step
from {{ delta('coverage_step', of_samples=false) }}
{% endif %}

-- A sample that was appended twice would show here.
select sample_id, contig, position, ref, alt
from {{ ref('fct_call') }}
group by sample_id, contig, position, ref, alt
having count(*) > 1

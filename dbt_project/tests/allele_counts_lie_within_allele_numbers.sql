-- More copies of an allele than called copies would mean that a site was counted as missing where it was called.
select *
from {{ ref('cohort_allele_frequency') }}
where allele_count < 1 or allele_count > allele_number or allele_frequency > 1

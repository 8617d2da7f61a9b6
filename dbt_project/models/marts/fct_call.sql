select
    sample_id,
    contig,
    position,
    ref,
    alt,
    dosage,
    copies,
    case when dosage = copies then 'hom' else 'het' end as zygosity,
    genotype_quality,
    depth,
    alt_depth
from {{ ref('stg_calls') }}

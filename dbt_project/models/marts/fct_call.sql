select
    sample_id,
    contig,
    position,
    ref,
    alt,
    copies,
    ploidy,
    case when copies = ploidy then 'hom' else 'het' end as zygosity,
    genotype_quality,
    depth,
    alt_depth
from {{ ref('stg_calls') }}

with disease_alleles as (
    select contig, position, ref, alt, gene
    from {{ ref('stg_gene_alleles') }}
    where looked_at
),

{{
    carriers(
        'disease_alleles',
        calls=ref('stg_calls'),
        samples=ref('dim_sample'),
        annotated=ref('stg_annotated_samples'),
    )
}},

{{ told_by_gene(part='copies = 1 and ploidy > 1', named='with_one_copy') }}

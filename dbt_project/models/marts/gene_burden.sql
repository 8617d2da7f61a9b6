-- Rare is an allele of fewer than one in a hundred called copies, or of one: in a small cohort every allele is more.
with rare as (
    select {{ plain('contig') }} as contig, position, ref, alt
    from {{ ref('cohort_allele_frequency') }}
    where allele_frequency < 0.01 or allele_count = 1
),

rare_hits as (
    select genes.contig, genes.position, genes.ref, genes.alt, genes.gene
    from {{ ref('stg_gene_alleles') }} as genes
    inner join rare
        on genes.contig = rare.contig
        and genes.position = rare.position
        and genes.ref = rare.ref
        and genes.alt = rare.alt
    where genes.hit
),

{{
    carriers(
        'rare_hits',
        calls=ref('stg_calls'),
        samples=ref('dim_sample'),
        annotated=ref('stg_annotated_samples'),
    )
}},

{{ told_by_gene(part='copies > 1', named='with_several_copies') }}

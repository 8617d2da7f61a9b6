select contig, position, ref, alt, gene, hit, looked_at from {{ delta('gene_alleles', of_samples=false) }}

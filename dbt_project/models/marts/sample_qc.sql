{%- set shown = [
    ('raw_reads', 'pairs'), ('raw_reads', 'q30_fraction'),
    ('aligned_reads', 'mapped_fraction'), ('aligned_reads', 'duplicate_fraction'),
    ('aligned_reads', 'mean_coverage'), ('aligned_reads', 'fraction_20x'), ('aligned_reads', 'median_insert_size'),
    ('gvcf', 'uncovered_target_bases'),
    ('variants', 'snps'), ('variants', 'indels'), ('variants', 'titv'), ('variants', 'het_hom_ratio'),
    ('variants', 'mean_genotype_quality'),
] -%}
select
    sample_id
    {%- for asset, measure in shown %},
    max(case when asset = '{{ asset }}' and measure = '{{ measure }}' then value end) as {{ measure }}
    {%- endfor %}
from {{ ref('stg_measures') }}
group by sample_id

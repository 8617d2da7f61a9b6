select sample_id, category, gene, classification, signed from {{ delta('told_findings') }}

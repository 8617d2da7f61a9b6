select sample_id from {{ delta('annotated_samples') }}

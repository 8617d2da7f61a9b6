select sample_id, month, received, stage, days_to_report, days_to_signature from {{ delta('cases') }}

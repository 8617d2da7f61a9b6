select sample_id, kind, stratum from {{ delta('strata') }}

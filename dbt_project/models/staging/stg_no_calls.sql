select * from {{ delta('no_calls') }}

select * from {{ delta('calls') }}

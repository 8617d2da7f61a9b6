select * from {{ delta('samples') }}

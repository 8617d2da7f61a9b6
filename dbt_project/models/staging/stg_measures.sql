select * from {{ delta('measures') }}

select * from {{ delta('missing') }}

{#- The rows of a Delta table, read by its log's file list: a glob would also read what a killed process left behind.
    The list is a JSON file of {table_name, uri} rows, named by the variable delta_files. Samples in the JSON file of
    {sample_id} rows that the variable put_aside names, where there is one, are left out; a table that is not
    of_samples names none. 
    Spark is given the folder that has these files and no others. -#}
{% macro delta(table, of_samples=true) -%}
    {%- if target.type == 'spark' -%}
        (select * from parquet.`{{ env_var('COHORT_FOLDER') }}/delta/{{ table }}`
        {%- if of_samples and var('put_aside', '') %}
            where sample_id not in
                (select sample_id from json.`{{ env_var('COHORT_FOLDER') }}/{{ var('put_aside') }}`)
        {%- endif %})
    {%- elif execute -%}
        {%- set listed = run_query(
            "select uri from read_json('" ~ var('delta_files') ~ "') where table_name = '" ~ table ~ "' order by uri"
        ) -%}
        {%- if of_samples and var('put_aside', '') %}
        (select * from read_parquet(['{{ listed.columns[0].values() | join("', '") }}'])
            where sample_id not in (select sample_id from read_json('{{ var('put_aside') }}')))
        {%- else %}
        read_parquet(['{{ listed.columns[0].values() | join("', '") }}'])
        {%- endif %}
    {%- else -%}
        (select 1)
    {%- endif -%}
{%- endmacro %}

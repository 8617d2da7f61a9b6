{#- The rows of a Delta table, read by its log's file list: a glob would also read what a killed process left behind.
    The list is a JSON file of {table_name, uri} rows, named by the variable delta_files. -#}
{% macro delta(table) -%}
    {%- if execute -%}
        {%- set listed = run_query(
            "select uri from read_json('" ~ var('delta_files') ~ "') where table_name = '" ~ table ~ "' order by uri"
        ) -%}
        read_parquet(['{{ listed.columns[0].values() | join("', '") }}'])
    {%- else -%}
        (select 1)
    {%- endif -%}
{%- endmacro %}

{#- A count of people as it may leave, as engine/cohort/disclosure.py says it: null for a small cell and for a small
    complement of one, else rounded. The numbers come from there. -#}
{% macro disclosed(count, of) -%}
cast(
    case
        when {{ count }} < {{ var('minimum_cell') }} then null
        when {{ of }} - {{ count }} > 0 and {{ of }} - {{ count }} < {{ var('minimum_cell') }} then null
        else greatest({{ var('minimum_cell') }}, round({{ count }} / {{ var('rounded_to') }}.0) * {{ var('rounded_to') }})
    end as bigint
)
{%- endmacro %}

{#- A contig without chr; the mitochondrion is MT. -#}
{% macro plain(contig) -%}
regexp_replace(regexp_replace({{ contig }}, '^chr', ''), '^M$', 'MT')
{%- endmacro %}

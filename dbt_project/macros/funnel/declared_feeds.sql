{#-
    A relation of what the declared source tables feed: source_system, source_table, entity. Read from the sources'
    meta `feeds`, for the systems that are on; so a table whose rows staging lost is still reconciled.
-#}
{% macro declared_feeds() %}
    {% set feeds = [] %}
    {% if execute %}
        {% for source in graph.sources.values() if source.schema.startswith('raw_') %}
            {% set system = source.schema[4:] %}
            {% if system in var('source_systems') %}
                {% for entity in source.config.get('meta', {}).get('feeds', []) %}
                    {% do feeds.append((system, source.identifier, entity)) %}
                {% endfor %}
            {% endif %}
        {% endfor %}
    {% endif %}
    {% for system, table, entity in feeds | sort %}
select
    cast('{{ system }}' as varchar) as source_system,
    cast('{{ table }}' as varchar) as source_table,
    cast('{{ entity }}' as varchar) as entity
        {% if not loop.last %}union all{% endif %}
    {% else %}
select
    cast(null as varchar) as source_system,
    cast(null as varchar) as source_table,
    cast(null as varchar) as entity
where 1 = 0
    {% endfor %}
{% endmacro %}

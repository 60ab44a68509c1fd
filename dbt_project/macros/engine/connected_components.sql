{#-
    Connected components of an undirected graph. `links`: name of a relation with integer columns left_id, right_id
    (each pair once, in either direction). Gives a `with recursive` chain whose last CTE is `components` with one row
    per node: node_id, component_id (the smallest node id of the component).
-#}
{% macro connected_components(links) -%}
    {{ return(adapter.dispatch('connected_components', 'leadproof')(links)) }}
{%- endmacro %}

{#- Portable: every pair of reachable nodes. Quadratic in the size of one component, and components are people. -#}
{% macro default__connected_components(links) -%}
edges as (
    select left_id as from_id, right_id as to_id from {{ links }}
    union
    select right_id as from_id, left_id as to_id from {{ links }}
),

reachable as (
    select from_id as node_id, from_id as reached_id from edges
    union
    select reachable.node_id, edges.to_id as reached_id
    from reachable
    inner join edges on reachable.reached_id = edges.from_id
),

components as (
    select
        node_id,
        min(reached_id) as component_id
    from reachable
    group by node_id
)
{%- endmacro %}

{#- `using key` keeps one label per node and only passes on labels that improved: linear instead of quadratic. -#}
{% macro duckdb__connected_components(links) -%}
edges as (
    select left_id as from_id, right_id as to_id from {{ links }}
    union
    select right_id as from_id, left_id as to_id from {{ links }}
),

labels (node_id, component_id) using key (node_id) as (
    select
        from_id as node_id,
        least(from_id, min(to_id)) as component_id
    from edges
    group by from_id
    union
    select
        edges.to_id as node_id,
        min(labels.component_id) as component_id
    from labels
    inner join edges on labels.node_id = edges.from_id
    inner join recurring.labels as known on edges.to_id = known.node_id
    where labels.component_id < known.component_id
    group by edges.to_id
),

components as (
    select
        node_id,
        component_id
    from labels
)
{%- endmacro %}

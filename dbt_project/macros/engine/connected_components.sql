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

{#-
    Most components are stars, and walking all of them recursively costs minutes. So every node first takes its smallest
    neighbour's name, nodes of one name become one, and again; only what is not one node by then is walked. `using key`
    keeps one label per node and only passes on labels that improved: linear instead of quadratic.
-#}
{% macro duckdb__connected_components(links) -%}
edges as (
    select left_id as from_id, right_id as to_id from {{ links }}
    union
    select right_id as from_id, left_id as to_id from {{ links }}
),

{% for names, edges, rest in [('nearest', 'edges', 'nearest_edges'), ('nearest_twice', 'nearest_edges', 'distant_edges')] -%}
{{ names }} as (
    select
        from_id as node_id,
        least(from_id, min(to_id)) as label_id
    from {{ edges }}
    group by from_id
),

{{ rest }} as (
    select distinct
        left_names.label_id as from_id,
        right_names.label_id as to_id
    from {{ edges }}
    inner join {{ names }} as left_names on {{ edges }}.from_id = left_names.node_id
    inner join {{ names }} as right_names on {{ edges }}.to_id = right_names.node_id
    where left_names.label_id <> right_names.label_id
),

{% endfor -%}
labels (node_id, component_id) using key (node_id) as (
    select
        from_id as node_id,
        least(from_id, min(to_id)) as component_id
    from distant_edges
    group by from_id
    union
    select
        distant_edges.to_id as node_id,
        min(labels.component_id) as component_id
    from labels
    inner join distant_edges on labels.node_id = distant_edges.from_id
    inner join recurring.labels as known on distant_edges.to_id = known.node_id
    where labels.component_id < known.component_id
    group by distant_edges.to_id
),

components as (
    select
        nearest.node_id,
        coalesce(labels.component_id, nearest_twice.label_id, nearest.label_id) as component_id
    from nearest
    left join nearest_twice
        on nearest.label_id = nearest_twice.node_id
    left join labels
        on coalesce(nearest_twice.label_id, nearest.label_id) = labels.node_id
)
{%- endmacro %}

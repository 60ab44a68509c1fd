with claims as (
    select
        claims.*,
        case claims.claimed_stage
            when 'suspect' then 1
            when 'prospect' then 2
            when 'mql' then 3
            when 'sql' then 4
            when 'customer' then 4
        end as claimed_rank
    from {{ ref('int_claims_collected') }} as claims
),

compared as (
    select
        claims.person_id,
        claims.source_system,
        claims.claimed_stage,
        case assessed.furthest_rank
            when 1 then 'suspect'
            when 2 then 'prospect'
            when 3 then 'mql'
            when 4 then 'sql'
        end as proved_stage,
        case when claims.claimed_rank is not null then assessed.furthest_rank >= claims.claimed_rank end
            as is_claim_proved,
        case
            when claims.claimed_rank > assessed.furthest_rank
                then nullif(concat_ws(
                        '|',
                        case
                            when assessed.is_excluded then 'excluded:' || coalesce(assessed.exclusion_reason, 'policy')
                        end,
                        case when claims.claimed_rank >= 2 and assessed.furthest_rank < 2 then 'no_response' end,
                        case
                            when claims.claimed_rank >= 3 and assessed.furthest_rank < 3 then assessed.icp_obstacles
                        end,
                        case
                            when claims.claimed_rank >= 3 and assessed.furthest_rank = 2
                                then nullif(concat_ws('|', assessed.score_obstacle, assessed.context_obstacles), '')
                        end,
                        case
                            when claims.claimed_rank >= 4 and not assessed.has_qualifying_response
                                then 'no_qualifying_response'
                        end
                    ), '')
        end as missing_for_claim
    from claims
    inner join {{ ref('int_people_assessed') }} as assessed
        on claims.person_id = assessed.person_id
)

select * from compared

{{ stage_table('sql') }}

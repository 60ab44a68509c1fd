{{ stage_table('prospect') }}

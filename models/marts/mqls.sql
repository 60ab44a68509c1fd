{{ stage_table('mql') }}

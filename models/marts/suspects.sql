{{ stage_table('suspect') }}

{{ scorecard(
    ['segment'],
    [[], ['segment'], ['segment', 'channel'], ['segment', 'acquisition_source']],
) }}

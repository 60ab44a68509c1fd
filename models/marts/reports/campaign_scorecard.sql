{{ scorecard(
    ['scoped_campaign_id', 'segment'],
    [
        ['scoped_campaign_id'],
        ['scoped_campaign_id', 'segment'],
        ['scoped_campaign_id', 'channel'],
        ['scoped_campaign_id', 'acquisition_source'],
    ],
    counts_each_campaign=true,
) }}

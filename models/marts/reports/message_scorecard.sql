{{ scorecard(
    ['message_name', 'segment'],
    [
        ['message_name'],
        ['message_name', 'segment'],
        ['message_name', 'channel'],
        ['message_name', 'acquisition_source'],
    ],
) }}

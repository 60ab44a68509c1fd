"""Whether the data can be trusted: audits over time, claims, quarantine, freshness, drift."""

from datetime import datetime

from orchestration.report.claims import claim_sentences, count_claims
from orchestration.report.site.charts import columns_over_time
from orchestration.report.site.figures import count, percent, sentence, words
from orchestration.report.site.parts import (
    Block,
    Cell,
    Chart,
    Column,
    Figure,
    Gap,
    Item,
    Items,
    Page,
    Prose,
    Section,
    Table,
)
from orchestration.report.site.source import Row, Source
from orchestration.report.words import counted, day, minute, span
from orchestration.source_text import clean

_QUESTION = "Can we trust these figures?"
_LISTED = 40
_BUILDS = 30
_GROUPS = 20
_TERMS = [("promises that held", "is_success"), ("rows in quarantine", "open_quarantined_rows")]
_SALES = "deals"
_ROLES = [("held", "held"), ("did not hold", "stop")]
_OWNERS = {
    "structural_reject": "Whoever exports {place}: the line cannot be parsed.",
    "missing_required": "Whoever enters or exports {place}: {column} is required.",
    "unparseable_timestamp": "Whoever exports {place}: {column} is no readable moment.",
    "unparseable_number": "Whoever exports {place}: {column} is no readable number.",
    "unknown_code": "RevOps: map the value of {column} in value_mappings, or add it to the vocabulary.",
    "no_identity": "Marketing operations: the tool behind {place} records neither contact nor address.",
    "ambiguous_identity": "The CRM's administrator: the row of {place} names more than one person.",
}


def quality(source: Source) -> Page:
    """Make the page.

    Args:
        source: The release.

    Returns:
        The page.
    """
    audits = source.rows(
        f"""
        select
            build_id,
            max(audited_at) as audited_at,
            count(*) as promises,
            count(*) filter (where is_success) as held,
            count(*) filter (where not is_success) as broken,
            count(*) filter (where baselined_until is not null) as baselined
        from marts.audit_results
        group by all
        order by audited_at desc, build_id desc
        limit {_BUILDS}
        """
    )
    quarantine = source.rows(
        "select source_system, source_table, reason_code, reason_column, count(*) as rows,"
        " min(first_seen_at) as first_seen_at from marts.quarantine where status = 'open'"
        " group by all order by rows desc, source_system, source_table, reason_code, reason_column"
    )
    sections = [
        Section("audits", "Audits", [_audits(source, audits), *_baselines(source)]),
        Section("claims", "What CRMs say, and what is proved", [_claims(source)]),
        Section("quarantine", "Quarantine", [_quarantine(source, quarantine)]),
        Section("rows", "Every landed row", [_rows(source)]),
        Section("freshness", "Freshness", [_freshness(source)]),
        Section("drift", "Drift", [_drift(source)]),
    ]
    finding = _finding(source, audits, quarantine)
    return Page("quality", "Data quality", finding, sections, _QUESTION, _TERMS)


def _finding(source: Source, audits: list[Row], quarantine: list[Row]) -> str:
    own = next((row for row in audits if row["build_id"] == source.build_id), None)
    waiting = sum(row["rows"] for row in quarantine)
    told = []
    if own:
        broken = f", {own['broken']:,} with a note" if own["broken"] else ""
        told.append(f"{counted(own['held'], 'promise')} of {own['promises']:,} held{broken}")
    landed = source.value(
        f"select sum(landed_rows)::bigint from marts.row_reconciliation where build_id = '{source.build_id}'"
    )
    if landed:
        told.append(f"{counted(waiting, 'row waits', 'rows wait')} in quarantine of {landed:,} landed")
    return f"{'; '.join(told)}." if told else "Nothing has landed yet."


def _audits(source: Source, audits: list[Row]) -> Block:
    if not audits:
        return Gap("No audit is recorded.", "Each build adds its audit here.")
    data = [
        {"moment": row["audited_at"], "outcome": outcome, "promises": row[name]}
        for row in audits
        for outcome, name in (("held", "held"), ("did not hold", "broken"))
    ]
    blocked = [row for row in audits if row["broken"]]
    table = Table(
        [
            Column("Audited", "audited_at"),
            Column("Build", "build_id"),
            Column("Promises", "expectation", True),
            Column("Held", "is_success", True),
            Column("Did not hold", "is_success", True),
            Column("Baselined", "baselined_until", True),
        ],
        [
            [
                minute(row["audited_at"]),
                row["build_id"],
                count(row["promises"]),
                count(row["held"]),
                Cell(count(row["broken"]), "stop" if row["broken"] else ""),
                count(row["baselined"]),
            ]
            for row in audits
        ],
        "One audit of a build, published or not, newest first.",
        source="audit_results",
    )
    charts = []
    if len(audits) > 1:
        spec = columns_over_time(
            data,
            time="moment",
            series="outcome",
            value="promises",
            roles=_ROLES,
            axis_title="promises",
            time_format="%d %b",
            unit="yearmonthdatehoursminutes",
            height=150,
        )
        spec["encoding"]["x"]["type"] = "ordinal"
        charts = [Chart(spec, "A column for each audit: promises that held and that did not.")]
    caption = (
        f"{len(blocked):,} of the last {counted(len(audits), 'audit')} found something that did not hold."
        if blocked
        else f"Every promise held in the last {len(audits):,} audits."
        if len(audits) > 1
        else "Every promise held in the only audit on record."
    )
    return Figure(
        "audits-over-time",
        "Promises held and not held, audit by audit",
        caption,
        charts,
        table,
        [(role, name) for name, role in _ROLES] if charts else [],
        terms=[("promise", "expectation"), ("held", "is_success")],
    )


def _baselines(source: Source) -> list[Block]:
    rows = source.rows(
        "select message, source_system, table_name, is_success, severity, baselined_until from"
        " marts.audit_results"
        f" where build_id = '{source.build_id}' and (not is_success or baselined_until is not null)"
        " order by is_success, baselined_until, message"
    )
    if not rows:
        return [Prose("No baseline is in force: nothing is tolerated beyond the standing policy.")]
    return [
        Items(
            [
                Item(
                    sentence(row["message"] or ""),
                    "note" if row["is_success"] else "stop",
                    f"Until {day(datetime.combine(row['baselined_until'], datetime.min.time()))}"
                    if row["baselined_until"]
                    else words(row["severity"]).capitalize(),
                )
                for row in rows[:_LISTED]
            ],
            max(len(rows) - _LISTED, 0),
            [("baselined until", "baselined_until")],
        )
    ]


def _claims(source: Source) -> Block:
    rows = source.rows(
        "select source_system, claimed_stage, is_claim_proved, missing_for_claim, count(*) as people"
        " from marts.stage_claims group by all order by all"
    )
    told = claim_sentences(
        count_claims(
            [
                (
                    row["source_system"],
                    row["claimed_stage"],
                    row["is_claim_proved"],
                    row["missing_for_claim"],
                    row["people"],
                )
                for row in rows
            ]
        )
    )
    if not told:
        return Gap("No CRM claims a stage of anybody.", "Map the CRM's own stage to source_stage.")
    return Items([Item(each) for each in told], terms=[("proved", "is_claim_proved")])


def _quarantine(source: Source, rows: list[Row]) -> Block:
    if not rows:
        return Prose("No row waits in quarantine.")
    oldest = min(row["first_seen_at"] for row in rows)
    return Figure(
        "open-rows",
        "Open rows by reason, with who can mend them",
        f"{counted(sum(row['rows'] for row in rows), 'row waits', 'rows wait')}, the oldest since"
        f" {day(oldest)}"
        f" ({span((source.as_of - oldest).total_seconds())} before as-of).",
        [],
        Table(
            [
                Column("Reason", "reason_code"),
                Column("Who can mend it"),
                Column("Rows", "open_quarantined_rows", True),
                Column("Oldest", "first_seen_at", True),
                Column("Table", "source_table"),
            ],
            [
                [
                    _reason(row),
                    Cell(_owner(row), is_long=True),
                    count(row["rows"]),
                    span((source.as_of - row["first_seen_at"]).total_seconds()),
                    f"{row['source_system']}.{row['source_table']}",
                ]
                for row in rows[:_GROUPS]
            ],
            "Rows of one table that wait for the same reason; marts.quarantine lists each with file and row.",
            max(len(rows) - _GROUPS, 0),
            "quarantine",
        ),
        is_open=True,
        terms=[("waits", "status"), ("oldest", "first_seen_at")],
    )


def _reason(row: Row) -> str:
    column = clean(row["reason_column"])
    return words(row["reason_code"]).capitalize() + (f": {column}" if column else "")


def _owner(row: Row) -> str:
    text = _OWNERS.get(row["reason_code"], "Whoever exports {place}.")
    return text.format(
        place=f"{clean(row['source_system'])}.{clean(row['source_table'])}",
        column=clean(row["reason_column"]) or "a column",
    )


def _rows(source: Source) -> Block:
    rows = source.rows(
        "select * from marts.row_reconciliation"
        f" where build_id = '{source.build_id}' and landed_rows > 0 order by source_system,"
        f" source_table, entity"
    )
    if not rows:
        return Gap(
            "Nothing has landed yet.", "Drop files into the landing folder; leadproof build loads them."
        )
    exact = all(
        row["landed_rows"]
        == row["accepted_rows"] + row["superseded_rows"] + row["quarantined_rows"] + row["pending_rows"]
        for row in rows
    )
    return Figure(
        "reconciliation",
        "What became of every landed row",
        "Landed = accepted + superseded + quarantined + pending, exactly, in every table."
        if exact
        else "In some table the rows do not add up; its audit says where.",
        [],
        Table(
            [
                Column("Table", "source_table"),
                Column("Feeds", "entity"),
                Column("Landed", "landed_rows", True),
                Column("Accepted", "accepted_rows", True),
                Column("Superseded", "superseded_rows", True),
                Column("Quarantined", "quarantined_rows", True),
                Column("Pending", "pending_rows", True),
                Column("Usable", "quarantined_rows", True),
            ],
            [
                [
                    f"{row['source_system']}.{row['source_table']}",
                    words(row["entity"]),
                    *(
                        count(row[f"{name}_rows"])
                        for name in ("landed", "accepted", "superseded", "quarantined", "pending")
                    ),
                    percent(1 - row["quarantined_rows"] / row["landed_rows"]),
                ]
                for row in rows
            ],
            "One source table and the entity that it feeds.",
            source="row_reconciliation",
        ),
    )


def _freshness(source: Source) -> Block:
    rows = source.rows(
        "select source_system, source_table, max(files) as files, max(latest_row_at) as newest,"
        " max(latest_observed_at) as observed from marts.row_reconciliation"
        f" where build_id = '{source.build_id}' and files > 0 and entity <> '{_SALES}'"
        " group by all order by newest desc nulls last, source_system, source_table"
    )
    if not rows:
        return Gap("No file has been loaded.", "Drop files into the landing folder.")
    return Table(
        [
            Column("Table", "source_table"),
            Column("Newest row", "latest_row_at"),
            Column("Age", "latest_row_at", True),
            Column("Newest file observed", "latest_observed_at"),
            Column("Files", "files", True),
        ],
        [
            [
                f"{row['source_system']}.{row['source_table']}",
                minute(row["newest"]) if row["newest"] else "no accepted row",
                span((source.as_of - row["newest"]).total_seconds()) if row["newest"] else "–",
                minute(row["observed"]) if row["observed"] else "never",
                count(row["files"]),
            ]
            for row in rows
        ],
        "Ages at the release's as-of. Sales tables are left out: how fresh they are says nothing"
        " about the funnel.",
        source="row_reconciliation",
    )


def _drift(source: Source) -> Block:
    if not source.drift:
        return Prose("The load of this release found every table as it was before and as it is declared.")
    return Table(
        [Column("Kind"), Column("Table"), Column("What")],
        [
            [words(note.kind).capitalize(), note.place, Cell(note.detail, is_long=True)]
            for note in source.drift[:_LISTED]
        ],
        "What was not as it was, or not as it is declared, in the load of this release.",
        max(len(source.drift) - _LISTED, 0),
    )

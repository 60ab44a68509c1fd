"""The quality pages: one for each build, passed or failed, and the list of all of them.

Counts come from ``facts.py``, claims from ``claims.py``; here they become what the templates show. A page
opens no connection and runs no script.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration import records
from orchestration.errors import LeadproofError
from orchestration.records import BuildRecord
from orchestration.release import current_release
from orchestration.release.files import explained
from orchestration.report.claims import StageClaim, cause_words, claim_sentences
from orchestration.report.facts import STAGES, MartFacts, Obstacle, TableRows, read_facts, without_sales
from orchestration.report.rendering import environment, write_page
from orchestration.report.verdicts import Issue, page_path, read_issues, verdict_of
from orchestration.report.words import (
    STAGE_NAMES,
    counted,
    joined,
    minute,
    parsed,
    share,
    span,
    spoken,
)
from orchestration.settings import Settings

_LISTED_BUILDS = 500
_LOOKED_BACK = 20
_LISTED_NOTES = 50
_LISTED_CAUSES = 6
_HEADINGS = {
    "suspect": "Suspects",
    "prospect": "Prospects",
    "mql": "MQLs",
    "sql": "SQLs",
    "recycled": "Recycled",
    "disqualified": "Disqualified",
}


def write_pages(settings: Settings, build_id: str) -> Path:
    """Write the page of a build and the list of all builds.

    A page whose build can no longer be read, because retention removed its release, stays as it was written.

    Args:
        settings: Where the warehouse lies.
        build_id: The build.

    Returns:
        The page.

    Raises:
        LeadproofError: If there is no such build, its record cannot be read, or the quality folder cannot be
            written.
    """
    if not records.record_path(settings, build_id).is_file():
        raise LeadproofError(f"There is no build '{build_id}'.", "leadproof status names the last one.")
    page = page_path(settings, build_id)
    with explained(f"Writing the quality report of build {build_id}", settings.quality):
        record = records.read_record(settings, build_id)
        facts = read_facts(settings, record)
        had_candidate = any(phase.name == "candidate" and phase.status == "ok" for phase in record.phases)
        if facts is not None or not had_candidate or not page.exists():
            view = _build_view(settings, record, facts)
            write_page(page, environment().get_template("build.html.j2").render(page=view))
        _write_index(settings)
    return page


def write_missing_pages(settings: Settings) -> None:
    """Write the pages that builds of late did not come to write, because they were killed.

    One that cannot be written is left out: it must not take the present build's report with it.

    Args:
        settings: Where the warehouse lies.
    """
    for build_id in records.build_ids(settings)[:_LOOKED_BACK]:
        if page_path(settings, build_id).exists():
            continue
        with contextlib.suppress(Exception):
            record = records.readable_record(settings, build_id)
            if record is not None and record.status != records.RUNNING:
                write_pages(settings, build_id)


# -- the page of one build ---------------------------------------------------------------------------


def _build_view(settings: Settings, record: BuildRecord, facts: MartFacts | None) -> dict[str, Any]:
    issues = read_issues(settings, record)
    as_of = parsed(record.as_of)
    view: dict[str, Any] = {
        "record": record,
        "verdict": verdict_of(record),
        "kept": _kept(settings, record),
        "failure": record.failure if record.failure and record.failure.phase != "audit" else None,
        "facts": facts,
        "claim_sentences": claim_sentences(facts.claims) if facts else [],
        "headline_facts": _headline_facts(record, facts),
        "blocking": _by_promise([issue for issue in issues if not issue.is_success]),
        "baselined": [issue for issue in issues if issue.until],
        "held": [issue for issue in issues if issue.is_success and not issue.until],
        "load": _load_view(record.load),
        "changes": _changes_view(record.changes),
        "causes": _causes,
        "phases": _phases_view(record),
        "data_docs": _data_docs(settings, "../../"),
    }
    if facts is not None and as_of is not None:
        view |= {
            "funnel": _funnel_view(facts),
            "people_sentence": _people_sentence(facts),
            "obstacles": _obstacles_view(facts.obstacles),
            "mix": facts.mix,
            "rows": [row for row in facts.rows if row.files or row.landed],
            "row_totals": _row_totals([row for row in facts.rows if row.files or row.landed]),
            "warnings": _warnings(record, facts.rows),
            "freshness": _freshness_view(facts.rows, as_of.replace(tzinfo=None)),
        }
    view["sections"] = [
        (name, title)
        for name, title, is_there in (
            ("failure", "What stopped it", view["failure"]),
            ("blocking", "What blocks", view["blocking"]),
            ("baselined", "Baselined", view["baselined"]),
            ("claims", "Claims", facts),
            ("funnel", "Funnel", facts),
            ("obstacles", "Blocked people", facts),
            ("directions", "Directions", facts),
            ("rows", "Rows", facts),
            ("quarantine", "Quarantine", facts),
            ("freshness", "Freshness", facts),
            ("load", "Load", view["load"]),
            ("changes", "Changes", view["changes"]),
            ("held", "What held", view["held"]),
            ("phases", "Phases", True),
        )
        if is_there
    ]
    return view


def _by_promise(issues: Sequence[Issue]) -> list[dict[str, Any]]:
    found: dict[str, list[Issue]] = {}
    for issue in issues:
        found.setdefault(f"{issue.promise} ({issue.table})", []).append(issue)
    return [{"sentence": same[0].promise, "issues": same} for same in found.values()]


def _headline_facts(record: BuildRecord, facts: MartFacts | None) -> list[tuple[str, str]]:
    as_of, started = parsed(record.as_of), parsed(record.started_at)
    told = [
        ("As of", minute(as_of) if as_of else ""),
        ("Started", minute(started) if started else ""),
        ("Took", f"{sum(phase.seconds for phase in record.phases):,.1f} s"),
        ("Source systems", joined(record.source_systems) or "none"),
    ]
    if facts:
        told.append(("People", f"{facts.people:,}"))
    if record.restatement_reason:
        told.append(("Policy restated because", record.restatement_reason))
    return told


def _funnel_view(facts: MartFacts) -> list[dict[str, Any]]:
    shown = []
    suspects = sum(facts.funnel["suspect"].values())
    for stage in STAGES:
        reached = sum(facts.funnel[stage].values())
        shown.append(
            {
                "name": _HEADINGS[stage],
                "reached": reached,
                "share": reached / suspects if suspects else 0,
                "by_system": [facts.funnel[stage].get(system, 0) for system in facts.systems],
            }
        )
    return shown


def _people_sentence(facts: MartFacts) -> str:
    now = [
        f"{facts.current[stage]:,} {STAGE_NAMES[stage]}"
        for stage in (*STAGES, "recycled", "disqualified")
        if facts.current.get(stage)
    ]
    told = [f"Now: {joined(now)}." if now else "Nobody is in a stage."]
    nowhere = facts.current.get(None, 0)
    if nowhere:
        told.append(f"{counted(nowhere, 'person is', 'people are')} known by anonymous visits only.")
    if facts.excluded:
        reasons = joined([f"{spoken(reason)} {people:,}" for reason, people in facts.excluded])
        total = sum(people for _, people in facts.excluded)
        told.append(f"{counted(total, 'person is', 'people are')} excluded by policy ({reasons}).")
    return " ".join(told)


def _obstacles_view(obstacles: Sequence[Obstacle]) -> list[dict[str, Any]]:
    """Group what blocks people by the stage they are in."""
    groups: dict[str | None, list[Obstacle]] = {}
    for each in sorted(obstacles, key=lambda each: _stage_place(each.stage)):
        groups.setdefault(each.stage, []).append(each)
    return [
        {
            "name": _HEADINGS.get(stage or "", "In no stage"),
            "people": same[0].people_in_stage,
            "obstacles": [
                {
                    "words": each.words,
                    "people": each.people,
                    "share": share(each.people, each.people_in_stage),
                }
                for each in same
            ],
        }
        for stage, same in groups.items()
    ]


def _stage_place(stage: str | None) -> int:
    # Nearest to sales first.
    order = ("mql", "prospect", "suspect", "recycled", "disqualified")
    return order.index(stage) if stage in order else len(order)


def _warnings(record: BuildRecord, rows: Sequence[TableRows]) -> list[str]:
    lines = []
    unread = [row for row in rows if row.warning_values]
    if unread:
        places = joined([f"{row.source_system}.{row.source_table} {row.warning_values:,}" for row in unread])
        total = sum(row.warning_values for row in unread)
        lines.append(
            f"{counted(total, 'optional value was', 'optional values were')} unreadable or unknown"
            f" and became null: {places}."
        )
    empty = sorted({f"{row.source_system}.{row.source_table}" for row in rows if not row.files})
    if empty:
        lines.append(f"Declared, but without files: {joined(empty)}.")
    if not record.is_salted:
        lines.append(
            "Person ids are unsalted: who knows an address can compute its id."
            " Set LEADPROOF_ID_SALT to a secret."
        )
    return lines


def _row_totals(rows: Sequence[TableRows]) -> list[dict[str, Any]]:
    """Add up each system's rows as they are fed: a table that feeds two entities counts for both."""
    counted_columns = ("landed", "accepted", "superseded", "quarantined", "pending")
    return [
        {"source_system": system}
        | {
            name: sum(getattr(row, name) for row in rows if row.source_system == system)
            for name in counted_columns
        }
        for system in dict.fromkeys(row.source_system for row in rows)
    ]


def _freshness_view(rows: Sequence[TableRows], as_of: datetime) -> list[dict[str, Any]]:
    tables: dict[tuple[str, str], list[TableRows]] = {}
    for row in without_sales([row for row in rows if row.files]):
        tables.setdefault((row.source_system, row.source_table), []).append(row)
    shown = []
    for (system, table), found in tables.items():
        newest = max((row.latest_row_at for row in found if row.latest_row_at), default=None)
        observed = found[0].latest_observed_at
        shown.append(
            {
                "system": system,
                "table": table,
                "newest": minute(newest) if newest else "no accepted row",
                "age": span((as_of - newest).total_seconds()) if newest else "–",
                "observed": minute(observed) if observed else "never",
                "files": found[0].files,
            }
        )
    return shown


def _load_view(load: dict[str, Any]) -> dict[str, Any] | None:
    if not load:
        return None
    tables = load.get("tables", [])
    rejects = sum(table["rejects"] for table in tables)
    duplicates = sum(table["duplicates"] for table in tables)
    refused = sum(table["refused"] for table in tables)
    parts = [f"{counted(load['files'], 'file')} with {counted(load['rows'], 'row')} loaded"]
    if rejects:
        parts.append(f"{counted(rejects, 'line')} set aside")
    if duplicates:
        parts.append(f"{counted(duplicates, 'file')} held content that was loaded before")
    if refused:
        parts.append(f"{counted(refused, 'file')} refused")
    if not load["files"]:
        parts[0] = "Nothing new was loaded"
    drift = [
        {
            "kind": note["kind"],
            "place": ".".join(part for part in (note["source_system"], note["source_table"]) if part),
            "detail": note["detail"],
        }
        for note in load.get("drift", [])
    ]
    notes = list(load.get("notes", []))
    hidden = max(len(notes) - _LISTED_NOTES, 0) + max(len(drift) - _LISTED_NOTES, 0)
    return {
        "sentence": f"{'; '.join(parts)}.",
        "notes": notes[:_LISTED_NOTES],
        "drift": drift[:_LISTED_NOTES],
        "more": f"{hidden:,} more, in landing.drift and landing.files of the build database."
        if hidden
        else "",
    }


def _changes_view(changes: dict[str, Any]) -> dict[str, Any] | None:
    if not changes:
        return None
    compared = changes.get("compared_with")
    return {
        "caption": f"If this candidate were published instead of release {compared}."
        if compared
        else "If this candidate were published; there is no release yet.",
        "rows": [
            {"name": STAGE_NAMES.get(stage, stage), **counts}
            for stage, counts in changes.get("counts", {}).items()
        ],
    }


def _phases_view(record: BuildRecord) -> list[dict[str, Any]]:
    total = sum(phase.seconds for phase in record.phases)
    return [
        {
            "name": phase.name,
            "seconds": phase.seconds,
            "share": phase.seconds / total if total else 0,
            "status": phase.status,
        }
        for phase in record.phases
    ]


# -- the list of builds ------------------------------------------------------------------------------


def _write_index(settings: Settings) -> None:
    ids = records.build_ids(settings)
    shown = [records.readable_record(settings, build_id) for build_id in ids[:_LISTED_BUILDS]]
    builds = [_listed(settings, record) for record in shown if record is not None]
    left_out = len(ids) - len(shown)
    write_page(
        settings.quality / "index.html",
        environment()
        .get_template("index.html.j2")
        .render(
            newest=builds[0] if builds else None,
            builds=builds,
            left_out=f"{counted(left_out, 'older build')} left out; their pages are in builds/."
            if left_out
            else "",
            data_docs=_data_docs(settings, ""),
        ),
    )


def _listed(settings: Settings, record: BuildRecord) -> dict[str, Any]:
    started, as_of = parsed(record.started_at), parsed(record.as_of)
    return {
        "build_id": record.build_id,
        "link": f"builds/{record.build_id}/index.html"
        if page_path(settings, record.build_id).exists()
        else "",
        "started": minute(started) if started else "",
        "as_of": minute(as_of) if as_of else "",
        "verdict": verdict_of(record),
        "outcome": record.release_id or (record.failure.message if record.failure else ""),
        "seconds": sum(phase.seconds for phase in record.phases),
    }


def _data_docs(settings: Settings, above: str) -> str:
    place = "data_docs/index.html"
    return f"{above}{place}" if (settings.quality / place).exists() else ""


def _kept(settings: Settings, record: BuildRecord) -> str:
    """Say what readers have when a build has failed."""
    if record.failure is None:
        return ""
    try:
        current = current_release(settings)
    except LeadproofError as error:
        return str(error)
    if current is None:
        return "Nothing is published yet."
    return f"Release {current.release_id}, as of {minute(current.as_of)} UTC, stays current."


def _causes(claim: StageClaim) -> list[tuple[str, int]]:
    return [(cause_words(cause), people) for cause, people in claim.causes.most_common(_LISTED_CAUSES)]

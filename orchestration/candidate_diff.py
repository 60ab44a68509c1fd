"""Who would enter or leave each stage if a candidate were published, and why.

Compares files, keys and reasons; knows neither names nor addresses. Whether to publish is decided elsewhere.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration.release import current_release
from orchestration.release.database import literal, writer
from orchestration.release.files import explained
from orchestration.settings import Settings

STAGES = ("suspect", "prospect", "mql", "sql")
_LISTED = 10
_CHANGES_FILE = "stage_changes.csv"
_UNSEEN = r"[\pC\p{Zl}\p{Zp}]+"
_FORMULA, _SHOWN = r"""(^|[,;|]["\s]*)([=+\-@\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])""", r"\1'\2"

_SAME_KEY = "new.person_id = old.person_id and new.cycle_number = old.cycle_number"

# Why someone is in a stage: the evidence the stage row itself carries, and what is different from before.
_ENTERS = """
    select
        '{stage}' as stage,
        'enters' as change,
        new.person_id,
        new.cycle_number,
        new.became_{stage}_at as stage_at,
        concat_ws(
            '; ',
            {evidence},
            case
                when not {has_old} then null
                when old_people.person_id is null then 'a person that the current release does not know'
                when new.evidence_touch_id is not null and old_touches.touch_id is null
                    then 'the evidence has come since the current release'
                when old_people.is_excluded then 'was excluded: ' || old_people.exclusion_reason
                when old_people.blocked_by is not null then 'was blocked by ' || old_people.blocked_by
                else 'judged anew'
            end
        ) as why
    from candidate.marts.{table} as new
    left join old_{table} as old on {same_key}
    left join old_people on new.person_id = old_people.person_id
    left join old_touches on new.evidence_touch_id = old_touches.touch_id
    where old.person_id is null
"""

_LEAVES = """
    select
        '{stage}' as stage,
        'leaves' as change,
        old.person_id,
        old.cycle_number,
        old.became_{stage}_at as stage_at,
        case
            when people.person_id is null and aliases.person_id is not null
                then 'merged into ' || aliases.person_id
            when people.person_id is null then 'no row that is in force knows this person any more'
            when people.is_excluded then 'excluded: ' || people.exclusion_reason
            when old.evidence_touch_id is not null and touches.touch_id is null
                then 'its evidence ' || old.evidence_touch_id || ' is not accepted any more'
            when people.blocked_by is not null then 'now blocked by ' || people.blocked_by
            else 'judged anew: cycle ' || old.cycle_number || ' does not reach the stage any more'
        end as why
    from old_{table} as old
    left join candidate.marts.{table} as new on {same_key}
    left join candidate.marts.people as people on old.person_id = people.person_id
    left join candidate.marts.person_aliases as aliases on old.person_id = aliases.alias_id
    left join candidate.marts.touches as touches on old.evidence_touch_id = touches.touch_id
    where new.person_id is null
"""

_TOUCH = (
    "'touch ' || new.evidence_touch_id || ' (' || concat_ws(', ', new.direction, new.campaign_name) || ')'"
)
_EVIDENCE = {
    "suspect": f"coalesce({_TOUCH}, 'first known')",
    "prospect": _TOUCH,
    "mql": f"{_TOUCH}, 'route ' || new.mql_route || ' at score ' || round(new.engagement_score, 1)",
    "sql": f"{_TOUCH}, 'qualifying response'",
}


@dataclass(frozen=True)
class StageChanges:
    """The difference between a candidate and the current release.

    Args:
        compared_with: Release it was compared with; None if nothing is published yet.
        counts: By stage, how many person-cycles enter and leave.
        listed: The first changes of each stage and kind: stage, change, person, cycle, time, why.
        path: File with all of them.
    """

    compared_with: str | None
    counts: dict[str, dict[str, int]]
    listed: list[dict[str, Any]]
    path: Path

    def headline(self) -> str:
        """The counts in one sentence."""
        parts = [
            f"{stage} +{self.counts[stage]['enters']} -{self.counts[stage]['leaves']}" for stage in STAGES
        ]
        return f"Compared with {self.compared_with or 'nothing published yet'}: {', '.join(parts)}."


def for_spreadsheets(column: str) -> str:
    """Write text that a source may have chosen so that a spreadsheet shows it and obeys nothing in it.

    A spreadsheet separates cells by whatever its country does, so one may begin behind a semicolon.

    Args:
        column: The text, in SQL.

    Returns:
        The text in SQL, on one line, with an apostrophe before whatever could begin a formula.
    """
    one_line = f"regexp_replace({column}, {literal(_UNSEEN)}, ' ', 'g')"
    return f"regexp_replace({one_line}, {literal(_FORMULA)}, {literal(_SHOWN)}, 'g')"


def compare_with_current(settings: Settings, build_id: str) -> StageChanges:
    """Compare a candidate with the current release, stage by stage, person by cycle.

    Args:
        settings: Where the warehouse lies.
        build_id: Build whose candidate is compared.

    Returns:
        The changes; all of them are also in the candidate's ``stage_changes.csv``.

    Raises:
        LeadproofError: If there is no such candidate, or one of the files cannot be read.
    """
    folder = settings.candidates / build_id
    current = current_release(settings)
    with (
        explained("Comparing the candidate with the current release", folder),
        writer(settings, [settings.candidates, settings.releases, settings.shared_as_read]) as connection,
    ):
        connection.execute(f"attach {literal(folder / 'leadproof.duckdb')} as candidate (read_only)")
        if current is not None:
            connection.execute(f"attach {literal(current.database)} as current_release (read_only)")
        _expose_old(connection, current is not None)
        connection.execute(f"create temp table changes as {_changes_sql(current is not None)}")
        path = folder / _CHANGES_FILE
        connection.execute(
            f"copy (select * replace ({for_spreadsheets('why')} as why) from changes"
            " order by stage, change, person_id, cycle_number)"
            f" to {literal(path)} (format csv, header true)"
        )
        counts = {stage: {"enters": 0, "leaves": 0} for stage in STAGES}
        for stage, change, number in connection.execute(
            "select stage, change, count(*) from changes group by stage, change"
        ).fetchall():
            counts[stage][change] = number
        listed = connection.execute(
            """
            select stage, change, person_id, cycle_number, stage_at::varchar as stage_at, why
            from (
                select
                    *,
                    row_number() over (
                        partition by stage, change order by stage_at desc, person_id, cycle_number
                    ) as place
                from changes
            )
            where place <= ?
            order by stage, change, place
            """,
            [_LISTED],
        )
        names = [column[0] for column in listed.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in listed.fetchall()]
    return StageChanges(current.release_id if current else None, counts, rows, path)


def _expose_old(connection: duckdb.DuckDBPyConnection, has_old: bool) -> None:
    for table in (*(f"{stage}s" for stage in STAGES), "people", "touches"):
        source = (
            f"select * from current_release.marts.{table}"
            if has_old
            else f"select * from candidate.marts.{table} where false"
        )
        connection.execute(f"create temp view old_{table} as {source}")


def _changes_sql(has_old: bool) -> str:
    return " union all ".join(
        part.format(
            stage=stage,
            table=f"{stage}s",
            same_key=_SAME_KEY,
            evidence=_EVIDENCE[stage],
            has_old=str(has_old).lower(),
        )
        for stage in STAGES
        for part in (_ENTERS, _LEAVES)
    )

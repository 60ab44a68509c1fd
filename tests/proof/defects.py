"""Defects that a candidate may have, generated over its tables and columns, and where each must be named.

A defect is one change of a candidate that was good. What it breaks is a promise of the specification; what no
candidate can tell by itself stands in ``NOT_TOLD``, with the reason. How a candidate is audited belongs to
``gate``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import duckdb

from expectations.suites import ACCEPTED, COLUMNS, KEYS, MARTS, REQUIRED, STAGE_TABLES

STAMP = (
    "campaign_id", "campaign_name", "segment_definition", "message_name", "message_hypothesis",
    "expected_response", "success_metric", "success_threshold", "is_context_complete", "context_source",
)  # fmt: skip
"""Columns of the stamp that a defect may lose."""

NOT_TOLD = {
    "stage_claims": "which claims a CRM makes is told by nothing else, and no verdict may follow from them",
    "constraint_audit": "which programs there are is told by nothing else that is published",
}
"""Tables of which lost rows cannot be noticed, and why."""


@dataclass(frozen=True)
class Defect:
    """One change that makes a good candidate bad.

    Args:
        kind: What kind of defect it is.
        table: The mart that is changed.
        statements: SQL that changes it.
        column: The column that a failed check must name; empty where rows or sums are wrong.
        named_by: The marts of which one must be named; the changed one by default.
    """

    kind: str
    table: str
    statements: tuple[str, ...]
    column: str = ""
    named_by: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """Kind, table and column in one line."""
        return f"{self.kind}: {self.table}{'.' + self.column if self.column else ''}"

    @property
    def tables(self) -> tuple[str, ...]:
        """The marts of which a failed check must name one."""
        return self.named_by or (self.table,)


def draw_defects(database: duckdb.DuckDBPyConnection, seed: int, number: int) -> list[Defect]:
    """Draw different defects, of every kind as many as of any other as long as there are any.

    Args:
        database: A connection to the good candidate.
        seed: The same seed gives the same defects of the same candidate.
        number: How many; fewer if there are not so many.
    """
    rng = Random(seed)
    by_kind: dict[str, list[Defect]] = {}
    for defect in _Maker(database, rng).all():
        if defect.statements:
            by_kind.setdefault(defect.kind, []).append(defect)
    for defects in by_kind.values():
        rng.shuffle(defects)
    drawn: list[Defect] = []
    while len(drawn) < number and any(by_kind.values()):
        for defects in by_kind.values():
            if defects and len(drawn) < number:
                drawn.append(defects.pop())
    return drawn


class _Maker:
    """Makes every defect that a candidate can have."""

    def __init__(self, database: duckdb.DuckDBPyConnection, rng: Random) -> None:
        self._database = database
        self._rng = rng
        self._rows = {table: self._number(f"select count(*) from {MARTS}.{table}") for table in COLUMNS}
        self._filled = [table for table in COLUMNS if self._rows[table]]

    def all(self) -> Iterator[Defect]:
        """Every kind, in a fixed order."""
        yield from self._of_tables()
        yield from self._of_columns()
        yield from self._of_values()
        yield from self._of_stages()
        yield from self._of_touches()
        yield from self._of_people()
        yield from self._of_inputs()
        yield from self._of_reports()

    # -- whole tables and columns ----------------------------------------------------------------

    def _of_tables(self) -> Iterator[Defect]:
        for table in COLUMNS:
            yield Defect("table missing", table, (f"drop table {MARTS}.{table}",))
        for table in self._filled:
            yield Defect(
                "row twice",
                table,
                (f"insert into {MARTS}.{table} select * from {MARTS}.{table} where {self._row(table)}",),
            )
            if table in NOT_TOLD:
                continue
            middle = f"(select median(rowid) from {MARTS}.{table})"
            for kind, condition in (
                ("table emptied", "true"),
                ("first half lost", f"rowid <= {middle}"),
                ("last half lost", f"rowid >= {middle}"),
            ):
                # A halved aggregate must be missed; a single row is half of a table of one.
                yield Defect(
                    kind,
                    table,
                    (f"delete from {MARTS}.{table} where {condition}",),
                    named_by=_KEPT_BY.get(table, ()),
                )

    def _of_columns(self) -> Iterator[Defect]:
        for table, columns in COLUMNS.items():
            relation = f"{MARTS}.{table}"
            dropped, renamed, retyped = (
                self._rng.sample(sorted(columns), 3) if len(columns) > 2 else (sorted(columns) * 2)[:3]
            )
            yield Defect(
                "column missing", table, (f'alter table {relation} drop column "{dropped}"',), dropped
            )
            yield Defect(
                "column renamed",
                table,
                (f'alter table {relation} rename "{renamed}" to was_{renamed}',),
                renamed,
            )
            kind = "blob" if columns[retyped] == "varchar" else "varchar"
            yield Defect(
                "column of another type",
                table,
                (f'alter table {relation} alter column "{retyped}" type {kind} using null',),
                retyped,
            )
            yield Defect(
                "column added", table, (f"alter table {relation} add column remark varchar",), "remark"
            )

    # -- values ------------------------------------------------------------------------------------

    def _of_values(self) -> Iterator[Defect]:
        for table in self._filled:
            for column in (*KEYS[table], *REQUIRED[table]):
                yield self._set("required value lost", table, column, "null")
            for column in ACCEPTED.get(table, {}):
                yield self._set("unknown code", table, column, "'no such code'")
            texts = [
                name
                for name, kind in COLUMNS[table].items()
                if kind == "varchar"
                and name not in ACCEPTED.get(table, {})
                and name not in KEYS[table]
                and not name.endswith("person_id")
            ]
            for column in self._rng.sample(texts, min(3, len(texts))):
                yield self._set("address in a text", table, column, "'ask jo.doe@example.com'")

    # -- stages ------------------------------------------------------------------------------------

    def _of_stages(self) -> Iterator[Defect]:
        for table, times in (
            ("prospects", ("suspect", "prospect")),
            ("mqls", ("suspect", "prospect", "mql")),
            ("sqls", ("suspect", "prospect", "mql", "sql")),
        ):
            for early, late in pairwise(times):
                yield self._set(
                    "stages out of order",
                    table,
                    f"became_{early}_at",
                    f"became_{late}_at + interval 1 hour",
                    "",
                )
        for table in STAGE_TABLES:
            reached = f"became_{table.removesuffix('s')}_at"
            yield self._set("one time shifted", table, reached, f"{reached} - interval 2 hour", "")
            yield self._all("all times shifted", table, reached, f"{reached} + interval 2 hour")
            yield self._set("row in the future", table, reached, f"{reached} + interval 3000 day", "")
            yield self._set("cycle renumbered", table, "cycle_number", "cycle_number + 1", "")
            yield self._set("nobody known", table, "person_id", "'p_ffffffffffffffff'", "")
            yield self._set("score changed", table, "engagement_score", "engagement_score + 1", "")
            yield self._set("policy changed", table, "policy", "'another'", "")
            yield self._set(
                "standing changed",
                table,
                "current_stage",
                "case current_stage when 'recycled' then 'disqualified' else 'recycled' end",
            )
            yield self._set(
                "standing changed", table, "current_stage_since", "current_stage_since - interval 1 day"
            )
            yield self._set("standing changed", table, "days_in_stage", "days_in_stage + 1")
            yield self._lost("stage row lost", table, named_by=_KEPT_BY[table])
            if table != "suspects":
                yield self._set("evidence orphaned", table, "evidence_touch_id", "'leadproof:gone'", "")
                yield self._set(
                    "evidence of another person",
                    table,
                    "evidence_touch_id",
                    f"(select touch_id from {MARTS}.touches as other"
                    f" where other.person_id <> {table}.person_id"
                    f" order by hash(touch_id, {self._rng.randrange(1000)}) limit 1)",
                    "",
                )
                yield self._set("direction swapped", table, "direction", _SWAPPED)
                yield self._all("all directions swapped", table, "direction", _SWAPPED)
                for column in STAMP:
                    yield self._set(
                        "context lost",
                        table,
                        column,
                        "not is_context_complete" if column.startswith("is_") else "null",
                        where=f"{column} is not null",
                    )
                yield self._set("context rewritten", table, "message_hypothesis", "'told afterwards'")
        for table in ("mqls", "sqls"):
            for column in ("is_icp_complete", "is_icp_fit"):
                yield self._set("ICP verdict changed", table, column, "false", "")
            yield self._set("ICP verdict changed", table, "icp_version", "'v0'", "")
            yield self._set(
                "route changed",
                table,
                "mql_route",
                "case mql_route when 'score' then 'qualifying_response' else 'score' end",
                "",
            )
        yield from self._of_transitions()

    def _of_transitions(self) -> Iterator[Defect]:
        table = "stage_transitions"
        yield self._set(
            "one time shifted",
            table,
            "occurred_at",
            "occurred_at + interval 2 hour",
            "",
            named_by=(table, *STAGE_TABLES, "people"),
        )
        yield self._all("all times shifted", table, "occurred_at", "occurred_at + interval 2 hour")
        yield self._set("row in the future", table, "occurred_at", "occurred_at + interval 3000 day", "")
        yield self._set("cycle renumbered", table, "cycle_number", "cycle_number + 1", "")
        yield self._set("nobody known", table, "person_id", "'p_ffffffffffffffff'", "")
        yield self._set(
            "transition of another kind",
            table,
            "transition_kind",
            "case transition_kind when 'advance' then 're_enter' else 'advance' end",
            "",
        )
        yield self._set(
            "transition from elsewhere",
            table,
            "from_stage",
            "case from_stage when 'suspect' then 'mql' else 'suspect' end",
            "",
            where="to_stage not in ('recycled', 'disqualified') and from_stage is not null",
        )
        yield self._set(
            "transition to elsewhere",
            table,
            "to_stage",
            "case to_stage when 'sql' then 'mql' else 'sql' end",
            "",
        )
        yield self._set(
            "evidence orphaned",
            table,
            "evidence_touch_id",
            "'leadproof:gone'",
            "",
            where="evidence_touch_id is not null",
        )
        yield self._set("direction swapped", table, "direction", _SWAPPED, where="direction is not null")
        for column in STAMP:
            yield self._set(
                "context lost",
                table,
                column,
                "not is_context_complete" if column.startswith("is_") else "null",
                where=f"{column} is not null",
            )
        for stage in ("suspect", "prospect", "mql", "sql", "recycled", "disqualified"):
            yield self._lost(
                "transition lost", table, f"to_stage = '{stage}'", (table, *STAGE_TABLES, "people")
            )

    # -- touches ------------------------------------------------------------------------------------

    def _of_touches(self) -> Iterator[Defect]:
        table = "touches"
        told = (table, "people")
        ends = (
            f"occurred_at = (select max(occurred_at) from {MARTS}.touches as own"
            " where own.person_id = touches.person_id)"
        )
        yield self._set(
            "one time shifted",
            table,
            "occurred_at",
            "occurred_at + interval 2 hour",
            "",
            where=ends,
            named_by=told,
        )
        for hours in (1, 2, 8):
            yield self._all(
                "all times shifted", table, "occurred_at", f"occurred_at - interval {hours} hour", told
            )
        yield self._set("row in the future", table, "occurred_at", "occurred_at + interval 3000 day", "")
        yield self._set("direction swapped", table, "direction", _SWAPPED, "", named_by=told)
        yield self._all("all directions swapped", table, "direction", _SWAPPED, told)
        yield self._all("all directions swapped", table, "direction", "'inbound'", told)
        for column in STAMP:
            if column != "is_context_complete":
                yield self._set("context lost", table, column, "null", where=f"{column} is not null")
        yield self._set(
            "context lost",
            table,
            "is_context_complete",
            "false",
            "",
            where="is_context_complete and missing_context_fields is null",
        )
        yield self._set(
            "context rewritten",
            table,
            "message_hypothesis",
            "'told afterwards'",
            where="campaign_id is not null",
        )
        yield self._set(
            "context rewritten", table, "campaign_id", "'another'", "", where="campaign_name is not null"
        )
        yield self._all("all context lost", table, "campaign_name", "null")
        yield self._set(
            "touch of another person",
            table,
            "person_id",
            f"(select person_id from {MARTS}.people as other where other.person_id <> touches.person_id"
            f" order by hash(person_id, {self._rng.randrange(1000)}) limit 1)",
            "",
            named_by=told,
        )
        yield self._set("nobody known", table, "person_id", "'p_ffffffffffffffff'", "")
        yield self._set(
            "cycle renumbered",
            table,
            "cycle_number",
            "cycle_number + 1",
            where=f"person_id in (select person_id from {MARTS}.suspects)",
        )
        yield self._set("touch of no source", table, "source_system", "'elsewhere'", "")
        yield self._set("touch of another id", table, "touch_id", "'elsewhere:1'", "")
        yield self._lost("touch lost", table)
        yield self._lost(
            "evidence lost", table, f"touch_id in (select evidence_touch_id from {MARTS}.prospects)"
        )
        yield self._set(
            "qualification changed",
            table,
            "is_qualifying_response",
            "not is_qualifying_response",
            "",
            where=f"touch_id in (select evidence_touch_id from {MARTS}.sqls)",
            named_by=(table, "mqls", "sqls"),
        )
        yield self._set(
            "response denied",
            table,
            "is_response",
            "false",
            "",
            where=f"touch_id in (select evidence_touch_id from {MARTS}.prospects)",
            named_by=(table, "prospects"),
        )

    # -- people -------------------------------------------------------------------------------------

    def _of_people(self) -> Iterator[Defect]:
        table = "people"
        other = "'p_0123456789abcdef'"
        yield Defect(
            "person twice",
            table,
            (
                f"insert into {MARTS}.people select * replace ({other} as person_id) from {MARTS}.people"
                f" where {self._row(table, 'first_known_at is not null and not is_excluded')}",
            ),
        )
        for also in STAGE_TABLES[:1]:
            chosen = self._row(table, f"person_id in (select person_id from {MARTS}.{also})")
            person = f"(select person_id from {MARTS}.people where {chosen})"
            yield Defect(
                "person twice with stages",
                table,
                tuple(
                    f"insert into {MARTS}.{each} select * replace ({other} as person_id{more})"
                    f" from {MARTS}.{each} where person_id = {person}"
                    for each, more in (
                        ("suspects", ""),
                        ("prospects", ""),
                        ("mqls", ""),
                        ("sqls", ""),
                        (
                            "stage_transitions",
                            f", {other} || ':' || cycle_number || ':' || to_stage as transition_id",
                        ),
                        ("people", ""),
                    )
                ),
                named_by=("people", "suspects", "prospects", "funnel_by_day", "stage_age"),
            )
        yield self._set(
            "one time shifted",
            table,
            "first_known_at",
            "first_known_at - interval 2 hour",
            "",
            where="first_known_at is not null and not is_excluded",
        )
        for column in ("first_touch_at", "last_touch_at"):
            yield self._set(
                "one time shifted",
                table,
                column,
                f"{column} + interval 2 hour",
                where=f"{column} is not null",
            )
        for direction in ("inbound", "outbound", "unclassified"):
            yield self._set("touches miscounted", table, f"{direction}_touches", f"{direction}_touches + 1")
        yield self._set(
            "standing changed", table, "current_stage", "'sql'", "", where="current_stage not in ('sql')"
        )
        yield self._set(
            "standing changed",
            table,
            "current_cycle",
            "current_cycle + 1",
            "",
            where="current_cycle is not null",
        )
        yield self._set(
            "standing changed",
            table,
            "current_stage_since",
            "current_stage_since - interval 1 day",
            "",
            where="current_stage is not null",
        )
        yield self._set(
            "standing changed",
            table,
            "days_in_stage",
            "days_in_stage + 1",
            "",
            where="current_stage is not null",
        )
        yield self._set(
            "exclusion changed", table, "is_excluded", "true", "", where="current_stage is not null"
        )
        yield self._lost(
            "person lost",
            table,
            f"person_id in (select person_id from {MARTS}.suspects)",
            (table, *STAGE_TABLES),
        )
        yield self._lost(
            "person lost", table, f"person_id in (select person_id from {MARTS}.touches)", (table, "touches")
        )
        yield self._set("id of another form", table, "person_id", "upper(person_id)", "")
        yield self._set("id of another form", "person_aliases", "alias_id", "'nobody'", "")
        yield self._lost("alias lost", "person_aliases", named_by=("person_aliases", "people"))
        yield self._set(
            "alias of another person",
            "person_aliases",
            "person_id",
            f"(select person_id from {MARTS}.people as other"
            f" where other.person_id <> person_aliases.person_id order by person_id limit 1)",
            "",
            named_by=("person_aliases", "people"),
        )
        yield self._set("claim of nobody", "stage_claims", "person_id", "'p_ffffffffffffffff'", "")
        yield self._set(
            "proof of a claim changed",
            "stage_claims",
            "proved_stage",
            "case proved_stage when 'sql' then 'mql' else 'sql' end",
            "",
        )

    # -- what went in -----------------------------------------------------------------------------

    def _of_inputs(self) -> Iterator[Defect]:
        table = "row_reconciliation"
        present = f"build_id = (select max(build_id) from {MARTS}.{table}) and landed_rows > 0"
        for column in ("landed_rows", "accepted_rows", "superseded_rows", "quarantined_rows", "pending_rows"):
            yield self._set("count changed", table, column, f"{column} + 1", "", where=present)
            yield self._set("count negative", table, column, "-1", "", where=present)
        yield self._set(
            "count changed", table, "open_quarantined_rows", "open_quarantined_rows + 1", "", where=present
        )
        yield self._lost(
            "source table uncounted", table, f"{present} and entity = 'touches'", (table, "touches")
        )
        yield self._lost(
            "source table uncounted", table, f"{present} and entity = 'campaigns'", (table, "campaigns")
        )
        yield self._lost("source table uncounted", table, f"{present} and entity = 'contacts'")
        yield self._all("counts of another build", table, "build_id", "'b20250101T000000000000'")
        yield Defect(
            "rows moved to pending",
            table,
            (
                f"update {MARTS}.{table} set pending_rows = pending_rows + accepted_rows, accepted_rows = 0"
                f" where {present} and entity = 'touches'",
            ),
            named_by=(table, "touches"),
        )
        if self._rows["quarantine"]:
            yield self._lost("quarantined row lost", "quarantine", named_by=("quarantine", table))
            yield self._set(
                "quarantined row moved",
                "quarantine",
                "entity",
                "case entity when 'touches' then 'contacts' else 'touches' end",
                "",
                named_by=("quarantine", table),
            )
            yield self._set(
                "quarantined row closed",
                "quarantine",
                "status",
                "'released'",
                "",
                named_by=("quarantine", table),
            )
        yield self._set(
            "version out of order",
            "campaigns",
            "valid_from",
            "coalesce(valid_to, valid_from) + interval 1 hour",
            "",
            where="valid_to is not null",
        )
        yield self._set("version out of order", "campaigns", "valid_to", "valid_from + interval 1 second", "")
        yield self._lost(
            "version lost",
            "campaigns",
            f"campaign_id in (select campaign_id from {MARTS}.touches)",
            ("campaigns", "touches"),
        )
        yield self._all(
            "all times shifted",
            "campaigns",
            "valid_from",
            "valid_from + interval 400 day",
            ("campaigns", "touches"),
        )

    # -- reports ----------------------------------------------------------------------------------

    def _of_reports(self) -> Iterator[Defect]:
        for table, columns in _COUNTED.items():
            if not self._rows[table]:
                continue
            for column in columns:
                yield self._set(
                    "figure changed",
                    table,
                    column,
                    f"{column} + 1",
                    "",
                    named_by=(table, *_ALSO.get(table, ())),
                    where=_WHERE.get((table, column), "true"),
                )
        for table, columns in COLUMNS.items():
            rates = [
                name.removesuffix("_rate")
                for name in columns
                if name.endswith("_rate") and f"{name.removesuffix('_rate')}_n" in columns
            ]
            for rate in rates:
                where = f"{rate}_n > 0"
                if not self._number(f"select count(*) from {MARTS}.{table} where {where}"):
                    continue
                yield self._set("rate changed", table, f"{rate}_rate", f"1.1 - {rate}_rate", where=where)
                yield self._set(
                    "rate changed", table, f"{rate}_low", f"{rate}_rate + 0.01", f"{rate}_rate", where=where
                )
                yield self._set(
                    "count beyond its number",
                    table,
                    f"{rate}_count",
                    f"{rate}_n + 1",
                    f"{rate}_rate",
                    where=where,
                )
        for table in ("campaign_scorecard", "segment_scorecard", "message_scorecard", "hypothesis_log"):
            yield self._set(
                "verdict without evidence",
                table,
                "verdict",
                "'scale'",
                "",
                where="verdict <> 'scale' and promised_rate is not null"
                " and evidence_above_log10 < evidence_required_log10",
            )
        yield self._set(
            "test unlogged",
            "hypothesis_log",
            "test_id",
            "'another'",
            "",
            where=f"test_id in (select test_id from {MARTS}.campaign_scorecard)",
        )
        if self._rows["opt_out_breaches"]:
            for column, value in (
                ("person_id", "'p_ffffffffffffffff'"),
                ("opted_out_at", "occurred_at"),
                ("touch_id", "'leadproof:gone'"),
            ):
                yield self._set("breach of nobody", "opt_out_breaches", column, value, "")
        if self._rows["worklist"]:
            yield self._set("work for nobody", "worklist", "person_id", "'p_ffffffffffffffff'", "")
            yield self._set(
                "work of another stage", "worklist", "current_stage", "'suspect'", "current_stage"
            )
            yield self._set(
                "work of another stage",
                "worklist",
                "is_icp_fit",
                "not is_icp_fit",
                where="is_icp_fit is not null",
            )

    # -- how a change is written ------------------------------------------------------------------

    def _set(
        self,
        kind: str,
        table: str,
        column: str,
        value: str,
        named: str | None = None,
        *,
        where: str = "true",
        named_by: tuple[str, ...] = (),
    ) -> Defect:
        """Give one row, which the seed chooses, another value; by default its column must be named."""
        statement = f'update {MARTS}.{table} set "{column}" = {value} where {self._row(table, where)}'
        return Defect(
            kind, table, self._possible(statement, table, where), column if named is None else named, named_by
        )

    def _all(self, kind: str, table: str, column: str, value: str, named_by: tuple[str, ...] = ()) -> Defect:
        statement = f'update {MARTS}.{table} set "{column}" = {value}'
        return Defect(kind, table, self._possible(statement, table, "true"), "", named_by)

    def _lost(self, kind: str, table: str, where: str = "true", named_by: tuple[str, ...] = ()) -> Defect:
        statement = f"delete from {MARTS}.{table} where {self._row(table, where)}"
        return Defect(kind, table, self._possible(statement, table, where), "", named_by)

    def _possible(self, statement: str, table: str, where: str) -> tuple[str, ...]:
        """The statement, or nothing where no row could be changed."""
        return (statement,) if self._number(f"select count(*) from {MARTS}.{table} where {where}") else ()

    def _row(self, table: str, where: str = "true") -> str:
        """A condition that one row fulfils, if any does."""
        salt = self._rng.randrange(1_000_000)
        return f"rowid = (select arg_min(rowid, hash(rowid, {salt})) from {MARTS}.{table} where {where})"

    def _number(self, query: str) -> int:
        row = self._database.execute(query).fetchone()
        assert row is not None
        return int(row[0])


_SWAPPED = "case direction when 'inbound' then 'outbound' else 'inbound' end"
_KEPT_BY: dict[str, tuple[str, ...]] = {
    "person_aliases": ("people",),
    "quarantine": ("row_reconciliation",),
    "people": ("people", "touches", *STAGE_TABLES),
    **{table: (table, "stage_transitions", "people") for table in STAGE_TABLES},
    "campaign_scorecard": ("campaign_scorecard", "hypothesis_log"),
    "campaigns": ("campaigns", "touches"),
}
"""Marts by which it is told that rows of another are lost."""

_COUNTED: dict[str, Sequence[str]] = {
    "funnel_by_day": ("entries", "exits", "exits_advanced", "exits_recycled", "open_stock"),
    "conversion_by_cohort": (
        "entries", "within_30_days_n", "within_60_days_maturing_count", "ever_n", "ever_maturing_count",
    ),
    "stage_velocity": ("entries", "converted_count", "censored_count", "converted_share"),
    "stage_velocity_curve": ("converted_count", "converted_share"),
    "stage_age": ("open_count", "open_0_to_7_days_count"),
    "campaign_scorecard": ("reached_count", "tests_count"),
    "segment_scorecard": ("reached_count", "tests_count"),
    "message_scorecard": ("reached_count", "tests_count"),
    "campaign_spend": ("spend_rows", "spend_amount"),
    "cost_per_stage": ("spend_amount", "suspects", "prospects", "mqls", "sqls"),
    "attribution": (
        "first_touch_credit", "last_touch_credit", "linear_credit", "position_based_credit",
    ),
    "journey_mix": ("sqls",),
    "inbound_vs_outbound": (
        "inbound_entries", "outbound_entries", "inbound_spend_amount", "outbound_spend_amount",
    ),
    "closed_loop": ("deals", "deal_rows", "open_deals", "won_deals", "lost_deals"),
    "score_calibration": ("sql_n", "sql_maturing_count", "immediate_sqls"),
    "worklist": ("waiting_days", "engagement_score"),
    "opt_out_breaches": ("days_after_opt_out",),
    "restatements": ("entries_now", "entries_before", "added_count", "removed_count", "changed_count"),
}  # fmt: skip
"""Figures that are held against others, by mart."""
_ALSO: dict[str, tuple[str, ...]] = {
    "campaign_spend": ("cost_per_stage",),
    "cost_per_stage": ("inbound_vs_outbound",),
    "campaign_scorecard": ("hypothesis_log",),
    "segment_scorecard": ("hypothesis_log", "message_scorecard"),
    "message_scorecard": ("hypothesis_log",),
    "stage_velocity": ("stage_velocity_curve",),
}
_WHERE: dict[tuple[str, str], str] = {("stage_velocity", "converted_share"): "converted_share is not null"}

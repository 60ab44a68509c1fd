"""What is promised at the edge: every expectation, its table, its sentence and its parameters.

Plain data, so that it can be listed without importing Great Expectations. How a promise is counted
stands in ``claims/``; tolerances stand in ``seeds/audit_thresholds.csv``.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from expectations.columns import COLUMNS
from expectations.thresholds import ANY_SYSTEM, Threshold, Tolerance, tolerance_in_force

MARTS = "marts"
STAGE_TABLES = ("suspects", "prospects", "mqls", "sqls")
STAGES = {"suspects": "suspect", "prospects": "prospect", "mqls": "mql", "sqls": "sql"}

NEGOTIABLE_AUDITS = (
    "outbound_prospect_context",
    "prospect_icp_complete",
    "unclassified_touches",
    "open_quarantine",
    "freshness",
    "outbound_after_opt_out",
)
"""The audits whose tolerance ``audit_thresholds`` may set above zero."""


@dataclass(frozen=True)
class Promise:
    """One expectation about one table.

    Args:
        expectation: Name of the expectation's class in ``expectations.claims``.
        table: The mart it is about.
        audit: The audit it belongs to; for negotiable ones, the name used in ``audit_thresholds``.
        sentence: What is promised, for people.
        per_source_system: Whether each source system is judged by itself.
        parameters: Arguments of the expectation's class.
    """

    expectation: str
    table: str
    audit: str
    sentence: str
    per_source_system: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def check_name(self) -> str:
        """A name made of letters, digits and underscores that no other promise has."""
        return f"{self.expectation}_{self.table}"


@dataclass(frozen=True)
class PlannedExpectation:
    """A promise with the source system and the tolerance it is judged by.

    Args:
        promise: The promise.
        source_system: The source system whose rows are examined; ``*`` for all.
        tolerance: The tolerance in force.
        parameters: Arguments of the expectation's class, the run's own included.
    """

    promise: Promise
    source_system: str
    tolerance: Tolerance
    parameters: Mapping[str, Any]

    @property
    def identity(self) -> tuple[str, str, str]:
        """What no two planned expectations share: class, table, source system."""
        return (self.promise.expectation, self.promise.table, self.source_system)


KEYS: Mapping[str, tuple[str, ...]] = {
    "suspects": ("person_id", "cycle_number"),
    "prospects": ("person_id", "cycle_number"),
    "mqls": ("person_id", "cycle_number"),
    "sqls": ("person_id", "cycle_number"),
    "stage_transitions": ("transition_id",),
    "people": ("person_id",),
    "person_aliases": ("alias_id",),
    "stage_claims": ("person_id", "source_system"),
    "touches": ("touch_id",),
    "campaigns": ("campaign_key", "valid_from"),
    "quarantine": ("quarantine_id",),
    "row_reconciliation": ("build_id", "source_system", "source_table", "entity"),
    "funnel_by_day": (
        "stage", "funnel_date", "direction", "segment", "scoped_campaign_id", "channel",
        "acquisition_source",
    ),
    "conversion_by_cohort": (
        "stage", "cohort", "cut", "direction", "segment", "scoped_campaign_id", "channel",
        "acquisition_source",
    ),
    "stage_velocity": (
        "step", "cut", "direction", "segment", "scoped_campaign_id", "channel", "acquisition_source",
    ),
    "stage_velocity_curve": (
        "step", "cut", "direction", "segment", "scoped_campaign_id", "channel", "acquisition_source",
        "elapsed_days",
    ),
    "stage_age": (
        "stage", "cut", "direction", "segment", "scoped_campaign_id", "channel", "acquisition_source",
    ),
    "worklist": ("person_id",),
    "opt_out_breaches": ("touch_id",),
    "restatements": (
        "build_id", "stage", "entry_month", "direction", "segment", "scoped_campaign_id", "channel",
        "acquisition_source", "cause",
    ),
    "campaign_scorecard": (
        "cut", "direction", "scoped_campaign_id", "segment", "channel", "acquisition_source",
    ),
    "segment_scorecard": ("cut", "direction", "segment", "channel", "acquisition_source"),
    "message_scorecard": (
        "cut", "direction", "message_name", "segment", "channel", "acquisition_source",
    ),
    "hypothesis_log": ("test_id",),
    "campaign_spend": ("scoped_campaign_id", "spend_month", "currency"),
    "cost_per_stage": (
        "cut", "calendar_month", "direction", "segment", "scoped_campaign_id", "channel",
        "acquisition_source",
    ),
    "attribution": (
        "stage", "entry_month", "direction", "segment", "scoped_campaign_id", "channel",
        "acquisition_source",
    ),
    "journey_mix": (
        "journey", "prospect_direction", "outbound_ever", "entry_month", "direction", "segment",
        "scoped_campaign_id", "channel", "acquisition_source",
    ),
    "inbound_vs_outbound": ("funnel_step", "cut", "segment", "channel", "acquisition_source"),
    "constraint_audit": (
        "lever", "cut", "segment", "scoped_campaign_id", "landing_page", "offer_id", "channel",
        "acquisition_source",
    ),
    "closed_loop": (
        "stage_at_opening", "opened_month", "score_band", "direction", "segment", "scoped_campaign_id",
        "channel", "acquisition_source",
    ),
    "score_calibration": (
        "stage", "score_band", "cut", "direction", "segment", "scoped_campaign_id", "channel",
        "acquisition_source",
    ),
}  # fmt: skip
"""Each mart's grain."""

_JUDGED = (
    "reached_count", "maturing_count", "delivered_n", "delivered_count", "response_n", "response_count",
    "tests_count", "success_n", "success_count", "verdict", "verdict_because", "verdict_sentence",
)  # fmt: skip

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "suspects": ("source_system", "became_suspect_at", "current_stage", "policy"),
    "prospects": (
        "source_system", "became_suspect_at", "became_prospect_at", "evidence_touch_id", "direction",
        "is_context_complete", "is_icp_complete", "engagement_score", "current_stage", "policy",
    ),
    "mqls": (
        "source_system", "became_suspect_at", "became_prospect_at", "became_mql_at", "evidence_touch_id",
        "direction", "is_context_complete", "is_icp_complete", "is_icp_fit", "icp_version",
        "engagement_score", "mql_route", "current_stage", "policy",
    ),
    "sqls": (
        "source_system", "became_suspect_at", "became_prospect_at", "became_mql_at", "became_sql_at",
        "evidence_touch_id", "direction", "is_context_complete", "is_icp_complete", "is_icp_fit",
        "icp_version", "engagement_score", "mql_route", "current_stage", "policy",
    ),
    "stage_transitions": (
        "person_id", "cycle_number", "to_stage", "transition_kind", "occurred_at", "policy",
    ),
    "people": ("is_excluded", "identity_keys"),
    "person_aliases": ("person_id",),
    "stage_claims": ("claimed_stage",),
    "touches": (
        "person_id", "source_system", "occurred_at", "channel", "touch_type", "direction",
        "is_context_complete",
    ),
    "campaigns": ("source_system", "campaign_id", "valid_from"),
    "quarantine": ("source_system", "source_table", "reason_code", "first_seen_at", "status"),
    "row_reconciliation": (
        "landed_rows", "accepted_rows", "superseded_rows", "quarantined_rows", "pending_rows", "erased_rows",
        "open_quarantined_rows",
    ),
    "funnel_by_day": (
        "funnel_week", "funnel_month", "campaign_source_system", "campaign_id", "campaign_name", "entries",
        "exits", "exits_advanced", "exits_recycled", "exits_disqualified", "open_stock",
    ),
    "conversion_by_cohort": (
        "next_stage", "campaign_source_system", "campaign_id", "campaign_name", "entries",
        "within_30_days_n", "within_30_days_count", "within_30_days_maturing_count", "within_60_days_n",
        "within_60_days_count", "within_60_days_maturing_count", "within_90_days_n",
        "within_90_days_count", "within_90_days_maturing_count", "ever_n", "ever_count",
        "ever_maturing_count", "ever_open_count",
    ),
    "stage_velocity": (
        "campaign_source_system", "campaign_id", "campaign_name", "entries", "converted_count",
        "censored_count",
    ),
    "stage_velocity_curve": (
        "campaign_source_system", "campaign_id", "campaign_name", "at_risk_count", "converted_count",
        "censored_count", "converted_share",
    ),
    "stage_age": (
        "campaign_source_system", "campaign_id", "campaign_name", "open_count", "median_age_days",
        "p90_age_days", "max_age_days",
    ),
    "worklist": (
        "action", "because", "since", "waiting_days", "acquisition_source", "direction",
        "channel", "scoped_campaign_id",
    ),
    "restatements": (
        "compared_release_id", "compared_as_of", "campaign_source_system", "campaign_id", "campaign_name",
        "entries_before", "entries_now", "added_count", "removed_count", "changed_count",
    ),
    "opt_out_breaches": (
        "person_id", "source_system", "occurred_at", "opted_out_at", "days_after_opt_out", "channel",
        "touch_type", "direction",
    ),
    "campaign_scorecard": ("campaign_source_system", "campaign_id", "campaign_name", *_JUDGED),
    "segment_scorecard": _JUDGED,
    "message_scorecard": _JUDGED,
    "hypothesis_log": (
        "cut", "direction", "subject", "first_contact_at", "last_contact_at", "reached_count", "success_n",
        "success_count", "verdict", "verdict_because", "verdict_sentence",
    ),
    "campaign_spend": (
        "campaign_source_system", "campaign_id", "campaign_name", "spend_rows", "original_amount",
        "spend_amount", "reporting_currency", "unconverted_rows", "unconverted_amount",
    ),
    "cost_per_stage": (
        "campaign_source_system", "campaign_id", "campaign_name", "spend_amount", "reporting_currency",
        "spend_status", "suspects", "prospects", "mqls", "sqls",
    ),
    "attribution": (
        "campaign_source_system", "campaign_id", "campaign_name", "first_touch_credit", "last_touch_credit",
        "linear_credit", "position_based_credit", "credited_touches",
    ),
    "journey_mix": ("campaign_source_system", "campaign_id", "campaign_name", "sqls"),
    "inbound_vs_outbound": (
        "inbound_entries", "inbound_spend_amount", "inbound_spend_status", "outbound_entries",
        "outbound_spend_amount", "outbound_spend_status", "comparison_verdict",
    ),
    "constraint_audit": (
        "campaign_source_system", "campaign_id", "campaign_name", "lever_n", "lever_count", "lever_rate",
        "target_source", "peers_n", "lever_status", "dominant_constraint",
    ),
    "closed_loop": (
        "campaign_source_system", "campaign_id", "campaign_name", "deals", "deal_rows", "open_deals",
        "won_deals", "lost_deals", "open_amount", "won_amount", "lost_amount", "reporting_currency",
        "deals_without_amount",
    ),
    "score_calibration": (
        "campaign_source_system", "campaign_id", "campaign_name", "sql_n", "sql_count",
        "sql_maturing_count", "immediate_sqls",
    ),
}  # fmt: skip
"""Columns that are never null, besides the grain."""

_STAGE_CODES = ["suspect", "prospect", "mql", "sql"]
_STATE_CODES = [*_STAGE_CODES, "recycled", "disqualified"]

_DIRECTION_CODES = ["inbound", "outbound", "unclassified"]
_ROUTE_CODES = ["score", "qualifying_response"]
_ENTITIES = ["contacts", "companies", "touches", "campaigns", "campaign_spend", "handoffs", "deals"]
_CUT_DIRECTIONS = [*_DIRECTION_CODES, "none", "(all)"]
_STEPS = ["suspect_to_prospect", "prospect_to_mql", "mql_to_sql", "response_to_handoff"]
_SPEND_CODES = ["recorded", "not_recorded", "rate_missing"]
_LEVERS = [
    "traffic_quality",
    "offer_relevance",
    "page_conversion",
    "qualification",
    "answer_qualification",
]

REPORT_CUTS = (
    "all",
    "direction",
    "segment",
    "campaign",
    "channel",
    "acquisition_source",
    "direction × segment × campaign",
)
"""The cuts of every report whose figures cannot be added up."""

DIRECTION_CUTS = ("all", "segment", "channel", "acquisition_source")
"""The cuts in which inbound is set beside outbound."""

DIRECTION_STEPS = {
    "suspect": "suspect",
    "suspect_to_prospect": "prospect",
    "prospect_to_mql": "mql",
    "mql_to_sql": "sql",
    "prospect_to_sql": "sql",
}
"""The steps for which it is, and the stage at which each ends."""

SCORE_CUTS = ("all", "direction", "segment", "campaign", "channel", "acquisition_source")
"""The cuts in which the score is held against what came of it."""

COST_CUTS = (
    "all",
    "month",
    "direction",
    "segment",
    "campaign",
    "channel",
    "acquisition_source",
    "month × direction",
    "direction × segment",
    "month × campaign",
    "month × direction × campaign",
)
"""The cuts of what a stage costs."""

CREDIT_MODELS = ("first_touch", "last_touch", "linear", "position_based")
"""The ways of sharing credit."""

VERDICTS = ("scale", "stop", "keep_testing", "scaled_before_validated", "insufficient_data")
_ENDINGS = ("promise_changed", "campaign_over", "nobody_contacted")
_JUDGED_CODES: Mapping[str, Sequence[str]] = {"verdict": [*VERDICTS, "not_tested"], "ended_because": _ENDINGS}
"""What may be said of a tested promise."""


def _cuts(item: str, *others: str) -> list[str]:
    """The cuts of a scorecard: its item as a whole and by one other dimension at a time."""
    whole = f"direction × {item}"
    cuts = [whole, *(f"{whole} × {other}" for other in (*others, "channel", "acquisition_source"))]
    return ["direction", *cuts] if item == "segment" else cuts


ACCEPTED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "suspects": {"direction": _DIRECTION_CODES, "current_stage": _STATE_CODES},
    "prospects": {"direction": _DIRECTION_CODES, "current_stage": _STATE_CODES},
    "mqls": {
        "direction": _DIRECTION_CODES, "mql_route": _ROUTE_CODES, "current_stage": _STATE_CODES,
    },
    "sqls": {
        "direction": _DIRECTION_CODES, "mql_route": _ROUTE_CODES, "current_stage": _STATE_CODES,
    },
    "stage_transitions": {
        "from_stage": _STATE_CODES,
        "to_stage": _STATE_CODES,
        "transition_kind": ["advance", "recycle", "disqualify", "re_enter"],
        "direction": _DIRECTION_CODES,
        "mql_route": _ROUTE_CODES,
    },
    "people": {
        "current_stage": _STATE_CODES,
        "next_stage": _STAGE_CODES,
        "acquisition_source": [
            "list_purchase", "web_form", "event", "referral", "partner", "import", "other",
        ],
    },
    "stage_claims": {"proved_stage": _STAGE_CODES},
    "touches": {
        "direction": _DIRECTION_CODES,
        "context_source": ["own", "answered", "window", "none"],
        "actor": ["contact", "company", "system"],
        "response_relevance": ["relevant", "irrelevant"],
    },
    "quarantine": {
        "status": ["open", "released", "replaced", "dismissed"],
        "reason_code": [
            "structural_reject", "missing_required", "unparseable_timestamp", "unparseable_number",
            "unknown_code", "no_identity", "ambiguous_identity",
        ],
        "entity": _ENTITIES,
    },
    "row_reconciliation": {"entity": _ENTITIES},
    "funnel_by_day": {"stage": _STAGE_CODES, "direction": [*_DIRECTION_CODES, "none"]},
    "conversion_by_cohort": {
        "stage": _STAGE_CODES[:3],
        "next_stage": _STAGE_CODES[1:],
        "cut": REPORT_CUTS,
        "direction": _CUT_DIRECTIONS,
    },
    "stage_velocity": {"step": _STEPS, "cut": REPORT_CUTS, "direction": _CUT_DIRECTIONS},
    "stage_velocity_curve": {"step": _STEPS, "cut": REPORT_CUTS, "direction": _CUT_DIRECTIONS},
    "stage_age": {"stage": _STAGE_CODES, "cut": REPORT_CUTS, "direction": _CUT_DIRECTIONS},
    "restatements": {
        "stage": _STAGE_CODES,
        "direction": _CUT_DIRECTIONS,
        "cause": [
            "merged", "late_touches", "late_contacts", "late_companies", "late_handoffs", "late_campaigns",
            "pending_passed", "newly_identified", "policy", "code_or_settings", "unexplained",
        ],
    },
    "opt_out_breaches": {"direction": _DIRECTION_CODES},
    "worklist": {
        "action": ["suppress", "hand_off", "enrich", "nurture"],
        "because": [
            "contacted_after_opt_out", "opted_out", "records_deleted", "not_handed_off", "icp_missing",
            "context_missing", "permission_regained", "recycled", "no_qualifying_response", "score_too_low",
            "not_evaluated_since",
        ],
        "current_stage": _STATE_CODES,
        "direction": [*_DIRECTION_CODES, "none"],
    },
    "campaign_scorecard": {"cut": _cuts("campaign", "segment"), **_JUDGED_CODES},
    "segment_scorecard": {"cut": _cuts("segment"), **_JUDGED_CODES},
    "message_scorecard": {"cut": _cuts("message", "segment"), **_JUDGED_CODES},
    "hypothesis_log": {"verdict": VERDICTS, "ended_because": _ENDINGS},
    "cost_per_stage": {
        "cut": COST_CUTS,
        "direction": [*_CUT_DIRECTIONS, "unattributed"],
        "spend_status": _SPEND_CODES,
    },
    "attribution": {"stage": _STAGE_CODES[2:], "direction": [*_DIRECTION_CODES, "unattributed"]},
    "journey_mix": {
        "journey": [
            "inbound_only", "outbound_only", "inbound_then_outbound", "outbound_then_inbound",
            "unclassified_only",
        ],
        "prospect_direction": _DIRECTION_CODES,
        "outbound_ever": ["yes", "unknown", "no"],
        "direction": _DIRECTION_CODES,
    },
    "inbound_vs_outbound": {
        "funnel_step": list(DIRECTION_STEPS),
        "cut": DIRECTION_CUTS,
        "inbound_spend_status": _SPEND_CODES,
        "outbound_spend_status": _SPEND_CODES,
        "comparison_verdict": [
            "inbound_better", "outbound_better", "no_difference_shown", "insufficient_data", "not_compared",
        ],
    },
    "constraint_audit": {
        "lever": _LEVERS,
        "cut": ["all", "segment", "campaign", "landing_page", "offer", "channel", "acquisition_source"],
        "target_source": ["policy", "peers", "whole", "none"],
        "lever_status": ["below_target", "at_target", "no_target", "insufficient_data"],
        "dominant_constraint": [
            *(lever for lever in _LEVERS if lever != "qualification"),
            "undecided", "none_below_target", "insufficient_data",
        ],
    },
    "closed_loop": {
        "stage_at_opening": [*_STATE_CODES, "none", "excluded", "nobody_known"],
        "direction": [*_DIRECTION_CODES, "none"],
    },
    "score_calibration": {
        "stage": _STAGE_CODES[1:3], "cut": SCORE_CUTS, "direction": _CUT_DIRECTIONS,
    },
}  # fmt: skip
"""Columns that hold nothing but these codes."""

OPTIONAL_CODES: Mapping[str, Sequence[str]] = {
    "suspects": ["direction"],
    "stage_transitions": ["from_stage", "direction", "mql_route"],
    "people": ["current_stage", "next_stage", "acquisition_source"],
    "stage_claims": ["proved_stage"],
    "touches": ["response_relevance"],
    "campaign_scorecard": ["ended_because"],
    "segment_scorecard": ["ended_because"],
    "message_scorecard": ["ended_because"],
    "hypothesis_log": ["ended_because"],
    "worklist": ["current_stage"],
}
"""Those of them that may also be empty."""

_COPIED = frozenset(
    {
        "campaign_name", "segment_name", "segment_definition", "message_name", "message_hypothesis",
        "expected_response", "success_metric", "success_threshold", "person_segment",
    }
)  # fmt: skip
_WORDED = _COPIED | {
    "response_intent", "landing_page", "exclusion_reason", "industry", "segment",
    "status_reason", "source_file",
}  # fmt: skip
_STAMP = (
    "campaign_id", "campaign_name", "campaign_channel", "segment_name", "segment_definition", "message_name",
    "message_hypothesis", "expected_response", "success_metric", "success_threshold", "campaign_icp_version",
    "campaign_starts_at", "campaign_ends_at", "campaign_created_at", "campaign_updated_at", "is_in_segment",
    "is_context_complete", "missing_context_fields", "context_source",
)  # fmt: skip
_RATE = "_rate"
_NAMES = {"suspects": "suspect", "prospects": "prospect", "mqls": "MQL", "sqls": "SQL"}
_A_NAME = {"suspects": "a suspect", "prospects": "a prospect", "mqls": "an MQL"}
_TIMES = {
    "prospects": ("became_suspect_at", "became_prospect_at"),
    "mqls": ("became_suspect_at", "became_prospect_at", "became_mql_at"),
    "sqls": ("became_suspect_at", "became_prospect_at", "became_mql_at", "became_sql_at"),
}
_PARENTS = {"prospects": "suspects", "mqls": "prospects", "sqls": "mqls"}


def _completeness() -> Iterator[Promise]:
    for table in ("mqls", "sqls"):
        name = _NAMES[table]
        yield Promise(
            "ExpectIcpComplete", table, "mql_sql_icp_complete", f"Every {name} has a complete ICP.", True
        )
        yield Promise(
            "ExpectContextComplete",
            table,
            "mql_sql_context_complete",
            f"Every {name} carries its complete campaign context.",
            True,
        )
        yield Promise("ExpectIcpFit", table, "icp_fit", f"Every {name} fits the ICP.")
    yield Promise(
        "ExpectContextComplete",
        "prospects",
        "outbound_prospect_context",
        "Every outbound prospect carries its complete campaign context.",
        True,
        {"direction": "outbound"},
    )
    yield Promise(
        "ExpectIcpComplete",
        "prospects",
        "prospect_icp_complete",
        "Every prospect has a complete ICP.",
        True,
    )
    yield Promise(
        "ExpectUnclassifiedShare",
        "touches",
        "unclassified_touches",
        "Every touch is classified as inbound or outbound.",
        True,
    )
    yield Promise(
        "ExpectOpenQuarantineShare",
        "row_reconciliation",
        "open_quarantine",
        "No landed row lies open in quarantine.",
        True,
    )
    yield Promise(
        "ExpectFreshness",
        "row_reconciliation",
        "freshness",
        "The newest row is recent, measured at the build's as-of.",
        True,
    )


def _inputs() -> Iterator[Promise]:
    yield Promise(
        "ExpectConservation",
        "row_reconciliation",
        "conservation",
        "For every source table, landed = accepted + superseded + quarantined + pending.",
    )
    yield Promise(
        "ExpectLandedRows",
        "row_reconciliation",
        "not_empty",
        "Rows have landed, and this build counted them.",
    )
    yield Promise(
        "ExpectStagedWhereLanded",
        "row_reconciliation",
        "not_empty",
        "No staging table is empty although rows landed for it.",
    )
    yield Promise(
        "ExpectListedQuarantine",
        "row_reconciliation",
        "conservation",
        "Every row that is counted in quarantine, and as open there, is listed, and no other.",
    )
    yield Promise(
        "ExpectCountedTables",
        "row_reconciliation",
        "conservation",
        "Every source table whose rows the marts hold is counted.",
    )
    for table, entities, sentence in (
        ("people", ("contacts", "touches"), "There are people where contacts or touches were accepted."),
        ("touches", ("touches",), "There are touches of every source system whose touches were accepted."),
        (
            "campaigns",
            ("campaigns",),
            "There are campaigns of every source system whose campaigns were accepted.",
        ),
    ):
        yield Promise(
            "ExpectNotEmptyWhereInputs", table, "not_empty", sentence, parameters={"entities": list(entities)}
        )
    for table, a_row in (("touches", "touch"), ("campaigns", "campaign")):
        yield Promise(
            "ExpectKnownSourceSystem",
            table,
            "conservation",
            f"Every {a_row} comes from a source system whose {table} are counted.",
            parameters={"entity": table, "key": KEYS[table][0]},
        )
        yield Promise(
            "ExpectRowsOfInputs",
            table,
            "conservation",
            f"No source system has fewer {table} than accepted rows of them.",
            parameters={"entity": table},
        )


def _stages() -> Iterator[Promise]:
    for table, columns in _TIMES.items():
        yield Promise(
            "ExpectOrderedStageDates",
            table,
            "stage_order",
            f"No {_NAMES[table]} reached a later stage before an earlier one.",
            parameters={"columns": list(columns)},
        )
    for table, parent in _PARENTS.items():
        yield Promise(
            "ExpectStageContainment",
            table,
            "stage_containment",
            f"Every {_NAMES[table]} is {_A_NAME[parent]} in the same cycle, since the same moment.",
            parameters={"parent": parent, "columns": list(_TIMES.get(parent, ("became_suspect_at",)))},
        )
    for table in STAGE_TABLES:
        name = _NAMES[table]
        yield Promise(
            "ExpectEvidenceTouch",
            table,
            "evidence_exists",
            f"The evidence of every {name} is a touch of the same person at the right moment.",
            parameters={"stage": STAGES[table]},
        )
        yield Promise(
            "ExpectKnownPeople",
            table,
            "people_exist",
            f"Every {name} is a listed person who is not excluded.",
            parameters={"allow_excluded": False},
        )
        yield Promise(
            "ExpectTransition",
            table,
            "transitions_agree",
            f"Every {name} has one transition into the stage, at the same moment, with the same verdict.",
            parameters={"stage": STAGES[table]},
        )
    for table in STAGE_TABLES:
        # A suspect comes from the system that brought the person, not from that of its evidence.
        source = () if table == "suspects" else ("source_system",)
        yield Promise(
            "ExpectFrozenStamp",
            table,
            "evidence_exists",
            f"Every {_NAMES[table]} carries the direction and the context of its evidence touch.",
            parameters={"columns": [*source, "direction", "direction_rule_id", *_STAMP]},
        )
        yield Promise(
            "ExpectStandingOfCycle",
            table,
            "transitions_agree",
            f"Where the cycle of every {_NAMES[table]} stands is what its last transition says.",
        )
    yield Promise(
        "ExpectIcpVerdictCarried",
        "sqls",
        "stage_containment",
        "Every SQL carries the ICP verdict of its MQL.",
    )
    yield Promise(
        "ExpectJustifiedRoute", "mqls", "mql_route", "The route of every MQL is borne out by its touches."
    )
    yield Promise(
        "ExpectSuspectWhenKnown",
        "people",
        "transitions_agree",
        "Everybody who is known and not excluded is a suspect since then, and nobody else is.",
    )
    yield Promise(
        "ExpectProspectOfResponse",
        "touches",
        "transitions_agree",
        "Every response of somebody who can be in a stage has made a prospect in its cycle.",
    )
    yield Promise(
        "ExpectSqlWhereQualified",
        "mqls",
        "transitions_agree",
        "Every MQL with a qualifying response in its cycle is an SQL since the later of the two.",
    )
    yield Promise(
        "ExpectContiguousCycles",
        "suspects",
        "cycles",
        "Each person's cycles are numbered 1, 2, 3 without a gap.",
    )


def _transitions() -> Iterator[Promise]:
    yield Promise(
        "ExpectConsistentTransitions",
        "stage_transitions",
        "transitions_agree",
        "Every transition is one that the stages allow, under its own id.",
    )
    yield Promise(
        "ExpectStageRow",
        "stage_transitions",
        "transitions_agree",
        "Every transition into a stage has its row in the stage's table.",
    )
    yield Promise(
        "ExpectTransitionEvidence",
        "stage_transitions",
        "evidence_exists",
        "The evidence of every transition is a touch of the same person.",
    )
    yield Promise(
        "ExpectFrozenStamp",
        "stage_transitions",
        "evidence_exists",
        "Every transition carries the direction and the context of its evidence touch.",
        parameters={"columns": ["direction", "direction_rule_id", *_STAMP]},
    )
    yield Promise(
        "ExpectProvedStage",
        "stage_claims",
        "transitions_agree",
        "The stage beside a claim is the furthest that is proved of the person.",
    )
    yield Promise(
        "ExpectCurrentStage",
        "people",
        "transitions_agree",
        "Every person's current stage is the last one the transitions say.",
    )


def _touches() -> Iterator[Promise]:
    yield Promise(
        "ExpectStampInForce",
        "touches",
        "context",
        "The context of every touch is that of its campaign's version.",
        parameters={"columns": [name for name in COLUMNS["campaigns"] if name in COLUMNS["touches"]][2:]},
    )
    yield Promise(
        "ExpectTouchIdOfSource",
        "touches",
        "unique_keys",
        "Every touch is called by its source system and its id there.",
    )
    yield Promise(
        "ExpectCycleOfMoment",
        "touches",
        "cycles",
        "Every touch lies in the cycle that had begun last when it occurred.",
    )
    yield Promise(
        "ExpectTouchesOfPeople",
        "people",
        "transitions_agree",
        "First and last touch and the touches of each direction are those of the person's touches.",
    )
    yield Promise(
        "ExpectBreachesOfTouches",
        "opt_out_breaches",
        "reports_reconcile",
        "Every contact without permission after an opt-out is listed, and no other touch.",
    )


def _tables() -> Iterator[Promise]:
    for table, key in KEYS.items():
        yield Promise(
            "ExpectUniqueKey",
            table,
            "people_unique" if table == "people" else "unique_keys",
            f"No two rows of {table} share {' and '.join(key)}.",
            parameters={"key": list(key)},
        )
    for table, kinds in COLUMNS.items():
        yield Promise(
            "ExpectDeclaredColumns",
            table,
            "declared_columns",
            f"{table} has the columns that are declared, of their types, and no other.",
            parameters={"table": table, "columns": dict(kinds)},
        )
    for table, columns in REQUIRED.items():
        yield Promise(
            "ExpectRequiredValues",
            table,
            "required_values",
            f"No required column of {table} is empty.",
            parameters={"columns": [*KEYS[table], *columns]},
        )
    for table, accepted in ACCEPTED.items():
        yield Promise(
            "ExpectAcceptedValues",
            table,
            "accepted_values",
            f"Columns of {table} that hold codes hold known ones.",
            parameters={
                "accepted": {name: list(values) for name, values in accepted.items()},
                "optional": list(OPTIONAL_CODES.get(table, ())),
                "key": KEYS[table][0],
            },
        )
    for table in ("people", "person_aliases"):
        yield Promise(
            "ExpectPersonIdFormat",
            table,
            "person_ids",
            f"Every person id in {table} is p_ and sixteen hex digits.",
            parameters={"columns": ["person_id"] if table == "people" else ["alias_id", "person_id"]},
        )
    yield Promise(
        "ExpectAliasesOfKeys",
        "people",
        "aliases_complete",
        "Every identity key of a person, the leading one excepted, has its alias.",
    )
    for table in ("touches", "person_aliases", "stage_claims", "stage_transitions"):
        yield Promise(
            "ExpectKnownPeople",
            table,
            "people_exist",
            f"Everybody in {table} is listed in people.",
            parameters={"allow_excluded": table != "stage_transitions"},
        )
    for table, column in (
        ("suspects", "became_suspect_at"),
        ("prospects", "became_prospect_at"),
        ("mqls", "became_mql_at"),
        ("sqls", "became_sql_at"),
        ("stage_transitions", "occurred_at"),
        ("touches", "occurred_at"),
        ("campaigns", "valid_from"),
    ):
        yield Promise(
            "ExpectNothingAfterAsOf",
            table,
            "as_of",
            f"Nothing in {table} lies after the build's as-of.",
            parameters={"time_column": column, "key": KEYS[table][0]},
        )
    yield Promise(
        "ExpectContextExplained",
        "touches",
        "context",
        "Every touch with an incomplete context names the missing fields.",
    )
    yield Promise(
        "ExpectOrderedVersions",
        "campaigns",
        "campaign_versions",
        "Versions of a campaign follow one another.",
    )
    for table, kinds in COLUMNS.items():
        rates = [
            column.removesuffix(_RATE)
            for column in kinds
            if column.endswith(_RATE) and f"{column.removesuffix(_RATE)}_n" in kinds
        ]
        if rates:
            yield Promise(
                "ExpectCoherentRates",
                table,
                "reports_reconcile",
                f"Every rate of {table} is its count out of its number, within its interval.",
                parameters={"rates": rates, "key": KEYS[table][0]},
            )
    for table in KEYS:
        yield no_personal_values(table)


def no_personal_values(table: str) -> Promise:
    """The promise that a mart holds no personal data.

    Args:
        table: The mart.

    Returns:
        The promise; its columns are read from the candidate.
    """
    return Promise(
        "ExpectNoPersonalValues",
        table,
        "no_personal_values",
        f"No e-mail address, phone number, query string or personal column lies in {table}.",
    )


def _scorecards() -> Iterator[Promise]:
    for table, like in (
        ("campaign_scorecard", "campaign_scorecard"),
        ("segment_scorecard", "message_scorecard"),
        ("message_scorecard", "segment_scorecard"),
    ):
        yield Promise(
            "ExpectSameContactsInEveryCut",
            table,
            "reports_reconcile",
            f"Every cut of {table} holds the same contacts, each once.",
            parameters={"table": table, "like": like},
        )
    for table in ("campaign_scorecard", "segment_scorecard", "message_scorecard", "hypothesis_log"):
        yield Promise(
            "ExpectEvidenceForVerdict",
            table,
            "verdict_evidence",
            f"In {table}, nothing is called scale or stop without the evidence that this needs.",
        )


def _logged_tests() -> Iterator[Promise]:
    yield Promise(
        "ExpectTestsLogged",
        "hypothesis_log",
        "reports_reconcile",
        "Every test that a scorecard counts is in the log, with the verdict that it shows.",
    )


def _funnel_reports() -> Iterator[Promise]:
    for table in ("funnel_by_day", "conversion_by_cohort", "stage_velocity"):
        yield Promise(
            "ExpectEveryEntryCounted",
            table,
            "reports_reconcile",
            f"In every cut of {table}, the entries into a stage are the rows of its table.",
            parameters={"table": table},
        )
    for table in ("funnel_by_day", "stage_age"):
        yield Promise(
            "ExpectOpenStockCounted",
            table,
            "reports_reconcile",
            f"In every cut of {table}, as many stand in a stage as its table says.",
            parameters={"table": table},
        )
    yield Promise(
        "ExpectRestatementsAddUp",
        "restatements",
        "reports_reconcile",
        "What was told before plus all changes is what is told now.",
    )
    yield Promise(
        "ExpectStockCarriedForward",
        "funnel_by_day",
        "reports_reconcile",
        "Stock is that of the day before, plus entries, less exits.",
    )
    yield Promise(
        "ExpectHorizonsAddUp",
        "conversion_by_cohort",
        "reports_reconcile",
        "Within every horizon, the entries of a cohort are matured, maturing or converted at once.",
    )
    yield Promise(
        "ExpectWaitsAddUp",
        "stage_velocity",
        "reports_reconcile",
        "Whoever began a step has converted or is still waited for.",
    )
    yield Promise(
        "ExpectCurveOfWaits",
        "stage_velocity_curve",
        "reports_reconcile",
        "Every curve rises to the share that stage_velocity gives.",
        parameters={"dimensions": list(KEYS["stage_velocity"])},
    )
    yield Promise(
        "ExpectAgesAddUp",
        "stage_age",
        "reports_reconcile",
        "Everybody who stands in a stage stands in one band of ages.",
    )
    yield Promise(
        "ExpectWorkOfPeople",
        "worklist",
        "reports_reconcile",
        "The worklist says what people says, and leaves out nobody who fits and could be courted.",
    )
    yield Promise(
        "ExpectNoContactAfterOptOut",
        "touches",
        "outbound_after_opt_out",
        "Nobody is contacted outbound, or perhaps so, after an opt-out that stands.",
        True,
    )


def _money_reports() -> Iterator[Promise]:
    yield Promise(
        "ExpectSpendRowsCounted",
        "campaign_spend",
        "reports_reconcile",
        "Every accepted spend row is counted in the spend of its campaign, once.",
    )
    yield Promise(
        "ExpectCostsAddUp",
        "cost_per_stage",
        "reports_reconcile",
        "In every cut of cost_per_stage, allocated is what was spent and entries are the rows of the stages.",
    )
    yield Promise(
        "ExpectWholeCredit",
        "attribution",
        "reports_reconcile",
        "By every model, credit for a stage sums to its entries exactly.",
    )
    yield Promise(
        "ExpectEveryJourneyCounted",
        "journey_mix",
        "reports_reconcile",
        "There are as many journeys as SQLs.",
    )
    yield Promise(
        "ExpectDirectionsAddUp",
        "inbound_vs_outbound",
        "reports_reconcile",
        "In every cut of inbound_vs_outbound, entries are those of the stages and spend is that of the"
        " directions.",
    )
    yield Promise(
        "ExpectEveryScoreCounted",
        "score_calibration",
        "reports_reconcile",
        "In every cut of score_calibration, the entries of a stage are the rows of its table.",
    )
    yield Promise(
        "ExpectEveryDealCounted",
        "closed_loop",
        "reports_reconcile",
        "Every accepted row of a deal is counted in closed_loop, and every deal in one state.",
    )


PROMISES: tuple[Promise, ...] = (
    *_completeness(),
    *_inputs(),
    *_stages(),
    *_transitions(),
    *_funnel_reports(),
    *_scorecards(),
    *_logged_tests(),
    *_money_reports(),
    *_touches(),
    *_tables(),
)
"""Everything that is promised about the marts the project defines."""


@dataclass(frozen=True)
class Catalogue:
    """What a candidate holds, as far as the plan needs it.

    Args:
        columns: Column names and types by mart.
        source_systems: Source systems that occur in the candidate, sorted.
    """

    columns: Mapping[str, Mapping[str, str]]
    source_systems: tuple[str, ...]


def plan(
    catalogue: Catalogue, build_id: str, as_of: datetime, thresholds: Sequence[Threshold]
) -> tuple[PlannedExpectation, ...]:
    """Turn the promises into the expectations of one audit.

    Args:
        catalogue: What the candidate holds.
        build_id: The build that is audited.
        as_of: The build's clock, UTC without a zone.
        thresholds: The rows of ``audit_thresholds``.

    Returns:
        One planned expectation for each promise, and for each source system where systems are judged
        one by one. Marts that the project does not define are held to the privacy promise too.
    """
    run = {"build_id": build_id, "as_of": as_of.isoformat(sep=" ")}
    others = sorted(set(catalogue.columns) - set(KEYS))
    planned: list[PlannedExpectation] = []
    for promise in (*PROMISES, *(no_personal_values(table) for table in others)):
        systems = (catalogue.source_systems or (ANY_SYSTEM,)) if promise.per_source_system else (ANY_SYSTEM,)
        parameters = {**promise.parameters, **run}
        if promise.expectation == "ExpectNoPersonalValues":
            parameters |= _privacy_parameters(promise.table, catalogue.columns.get(promise.table, {}))
        for system in systems:
            planned.append(
                PlannedExpectation(
                    promise, system, _tolerance(promise, system, as_of, thresholds), parameters
                )
            )
    return tuple(planned)


def suite_digest() -> str:
    """The digest of what the suite would examine now: the code of this package and of its engine.

    Returns:
        A sha256 in hex.
    """
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256(version("great-expectations").encode())
    for path in sorted(package.rglob("*.py")):
        digest.update(f"\n{path.relative_to(package).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _privacy_parameters(table: str, columns: Mapping[str, str]) -> dict[str, Any]:
    coded = {*ACCEPTED.get(table, {}), "person_id"}
    texts = sorted(name for name, kind in columns.items() if "VARCHAR" in kind and name not in coded)
    # Stage tables and touches carry copies of what campaigns says, many times over.
    copied = _COPIED if "evidence_touch_id" in columns or table == "touches" else frozenset()
    return {
        "columns": sorted(columns),
        "text_columns": texts,
        "worded_columns": [name for name in texts if name in _WORDED - copied],
        "key": KEYS.get(table, tuple(columns)[:1])[0] if columns else "",
    }


def _tolerance(promise: Promise, system: str, as_of: datetime, thresholds: Sequence[Threshold]) -> Tolerance:
    if promise.audit not in NEGOTIABLE_AUDITS:
        return Tolerance(0.0, None, True)
    return tolerance_in_force(thresholds, promise.audit, system, as_of)

"""The policy tables: their columns, what a cell may hold, and which of them a release locks.

Plain data. How a cell is checked stands in ``cells``; what rows may not say together stands in ``agreement``.
"""

from dataclasses import dataclass

ANY = "*"
ATTRIBUTES = ("industry", "employee_count", "seniority", "company_type", "country")
REQUIRED_ATTRIBUTES = ("industry", "employee_count", "seniority", "company_type")
DIRECTIONS = ("inbound", "outbound", "unclassified")
NEGOTIABLE_AUDITS = (
    "outbound_prospect_context",
    "prospect_icp_complete",
    "unclassified_touches",
    "open_quarantine",
    "freshness",
    "outbound_after_opt_out",
)
FIXED_AUDITS = ("mql_sql_icp_complete", "mql_sql_context_complete")
NEVER_RESPONSES = ("email_open", "ad_impression", "auto_reply")
RULE_FIELDS = (
    "channel",
    "touch_type",
    "placement",
    "keyword_intent",
    "audience_consent",
    "content_fit",
    "initiated_by",
    "has_prior_permission",
)
VOCABULARY_COLUMNS = (
    "channel",
    "placement",
    "keyword_intent",
    "audience_consent",
    "content_fit",
    "initiated_by",
    "industry",
    "seniority",
    "company_type",
    "acquisition_source",
)
CAMPAIGN_FIELDS = (
    "campaign_name",
    "campaign_channel",
    "segment_name",
    "segment_definition",
    "message_name",
    "message_hypothesis",
    "expected_response",
    "success_metric",
    "success_threshold",
    "campaign_icp_version",
    "campaign_starts_at",
    "campaign_ends_at",
    "campaign_created_at",
    "campaign_updated_at",
)
WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Column:
    """A column of a policy table.

    Args:
        name: Its name in the header.
        kind: ``text``, ``code``, ``codes`` (separated by ``|``), ``number``, ``integer``, ``boolean``,
            ``timestamp``, ``date`` or ``pattern``.
        is_blank_allowed: Whether the cell may be blank.
        is_any_allowed: Whether the cell may be ``*``.
        codes: The codes it may hold; empty with a reference or for free text.
        refers_to: A column of ``vocabulary``, or ``touch_types``, ``icp_profiles`` or ``staging``, whose
            codes it may hold.
        low: Smallest number allowed.
        high: Largest number allowed.
    """

    name: str
    kind: str = "text"
    is_blank_allowed: bool = False
    is_any_allowed: bool = False
    codes: tuple[str, ...] = ()
    refers_to: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """A policy table.

    Args:
        name: File name without ``.csv``.
        columns: Its columns, in order.
        key: Columns that tell its rows apart at one moment.
        is_locked: Whether a release locks the rows it used.
        used_from: Column that says since when a row governs anything; empty when it always did.
    """

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    is_locked: bool = True
    used_from: str = ""

    @property
    def header(self) -> tuple[str, ...]:
        """Names of its columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def is_versioned(self) -> bool:
        """Whether its rows carry ``effective_from`` and ``effective_to``."""
        return "effective_to" in self.header


@dataclass(frozen=True)
class Bounds:
    """What a value of ``stage_policy`` or ``report_policy`` may be.

    Args:
        kind: ``number``, ``integer`` or ``boolean``.
        low: Smallest value allowed.
        high: Largest value allowed.
    """

    kind: str
    low: float | None = None
    high: float | None = None


STAGE_POLICY_KEYS = {
    "mql_min_score": Bounds("number", 0.000001, 1_000_000),
    "score_half_life_days": Bounds("number", 7, 3650),
    "dormancy_days": Bounds("number", 1, 3650),
    "response_window_days": Bounds("number", 1, 3650),
    "hand_raise_qualifies": Bounds("boolean"),
    "max_contacts_per_address": Bounds("integer", 1, 1_000_000),
}
REPORT_POLICY_KEYS = {
    "maturity_days": Bounds("number", 1, 3650),
    "verdict_alpha": Bounds("number", 0.000001, 0.5),
    "verdict_min_contacts": Bounds("integer", 1, 1_000_000_000),
    "volume_growth": Bounds("number", 1, 1_000_000),
    "test_quiet_days": Bounds("number", 1, 3650),
    "stage_maturity_days": Bounds("number", 1, 3650),
    "traffic_quality_target": Bounds("number", 0, 1),
    "offer_relevance_target": Bounds("number", 0, 1),
    "page_conversion_target": Bounds("number", 0, 1),
    "qualification_target": Bounds("number", 0, 1),
    "answer_qualification_target": Bounds("number", 0, 1),
}
NAMED_VALUES = {"stage_policy": STAGE_POLICY_KEYS, "report_policy": REPORT_POLICY_KEYS}
"""The tables of dated, named numbers, with what each may be."""

REPORTING_KEYS = ("time_zone", "week_start", "fiscal_year_start_month", "currency")

_COMMENT = Column("comment")
_PERIOD = (
    Column("effective_from", "timestamp", is_blank_allowed=True),
    Column("effective_to", "timestamp", is_blank_allowed=True),
)
_PRIORITY = Column("priority", "integer", low=0, high=2_000_000_000)
_CONDITION = (
    Column("attribute", "code", codes=ATTRIBUTES),
    Column("operator", "code", codes=("in", "between")),
    Column("allowed_values", "codes", is_blank_allowed=True),
    Column("min_value", "number", is_blank_allowed=True, low=0),
    Column("max_value", "number", is_blank_allowed=True, low=0),
)
_SOURCE_SYSTEM = Column("source_system", "code", refers_to="staging")


def _table(name: str, *columns: Column, key: str, is_locked: bool = True, used_from: str = "") -> Table:
    return Table(name, (*columns, _COMMENT), tuple(key.split()), is_locked, used_from)


def _rule_column(name: str) -> Column:
    if name == "has_prior_permission":
        return Column(name, "boolean", is_any_allowed=True)
    return Column(
        name, "code", is_any_allowed=True, refers_to="touch_types" if name == "touch_type" else name
    )


TABLES = {
    table.name: table
    for table in (
        _table(
            "vocabulary",
            Column("column_name", "code", codes=VOCABULARY_COLUMNS),
            Column("code", "code"),
            key="column_name code",
            is_locked=False,
        ),
        _table(
            "icp_profiles",
            Column("icp_version"),
            Column("effective_from", "timestamp"),
            *_CONDITION,
            Column("is_required", "boolean"),
            key="icp_version attribute",
            used_from="effective_from",
        ),
        _table(
            "seniority_rules",
            _PRIORITY,
            Column("job_title_pattern", "pattern"),
            Column("seniority", "code", refers_to="seniority"),
            key="priority",
        ),
        _table(
            "touch_types",
            Column("touch_type", "code"),
            Column("actor", "code", codes=("contact", "company", "system")),
            Column("is_response", "boolean"),
            Column("is_hand_raise", "boolean"),
            Column("is_opt_out", "boolean"),
            Column("grants_permission", "boolean"),
            Column("points", "number", low=0, high=1_000_000),
            Column("max_scored_per_cycle", "integer", is_blank_allowed=True, low=1, high=1_000_000),
            *_PERIOD,
            key="touch_type",
            used_from="effective_from",
        ),
        _table(
            "touch_direction_rules",
            _PRIORITY,
            Column("rule_id", "code"),
            *(_rule_column(name) for name in RULE_FIELDS),
            Column("direction", "code", codes=("inbound", "outbound")),
            Column("permission", "code", codes=("granted", "none", "disputed")),
            Column("reason"),
            *_PERIOD,
            key="rule_id",
            used_from="effective_from",
        ),
        _table(
            "context_requirements",
            Column("direction", "code", codes=DIRECTIONS),
            Column("field", "code", codes=CAMPAIGN_FIELDS),
            Column("is_required", "boolean"),
            *_PERIOD,
            key="direction field",
            used_from="effective_from",
        ),
        _table(
            "campaign_registry",
            _SOURCE_SYSTEM,
            Column("campaign_id"),
            Column("registered_at", "timestamp"),
            Column("campaign_name", is_blank_allowed=True),
            Column("channel", "code", is_blank_allowed=True, refers_to="channel"),
            Column("segment_name", is_blank_allowed=True),
            Column("segment_definition", is_blank_allowed=True),
            Column("message_name", is_blank_allowed=True),
            Column("message_hypothesis", is_blank_allowed=True),
            Column("expected_response", "codes", is_blank_allowed=True),
            Column("success_metric", is_blank_allowed=True),
            Column("success_threshold", is_blank_allowed=True),
            Column("icp_version", is_blank_allowed=True, refers_to="icp_profiles"),
            Column("starts_at", "timestamp", is_blank_allowed=True),
            Column("ends_at", "timestamp", is_blank_allowed=True),
            key="source_system campaign_id registered_at",
            used_from="registered_at",
        ),
        _table(
            "segment_rules",
            _PRIORITY,
            Column("segment_name"),
            *_CONDITION,
            *_PERIOD,
            key="segment_name attribute",
            used_from="effective_from",
        ),
        _table(
            "value_mappings",
            _SOURCE_SYSTEM,
            Column("column_name"),
            Column("source_value"),
            Column("canonical_value"),
            key="source_system column_name source_value",
        ),
        _table(
            "exclusions",
            Column("kind", "code", codes=("email", "email_domain", "company_domain", "job_title")),
            Column("pattern"),
            Column("reason"),
            key="kind pattern",
        ),
        _table(
            "stage_policy",
            Column("key", "code", codes=tuple(STAGE_POLICY_KEYS)),
            Column("value"),
            *_PERIOD,
            key="key",
            used_from="effective_from",
        ),
        _table(
            "report_policy",
            Column("key", "code", codes=tuple(REPORT_POLICY_KEYS)),
            Column("value"),
            *_PERIOD,
            key="key",
            used_from="effective_from",
        ),
        _table(
            "success_metrics",
            Column("success_metric"),
            Column("touch_types", "codes", is_blank_allowed=True, refers_to="touch_types"),
            Column("answer", "code", codes=("any", "relevant", "expected")),
            key="success_metric",
        ),
        _table("shared_mailboxes", Column("local_part"), key="local_part"),
        _table(
            "audit_thresholds",
            Column("audit", "code", codes=(*FIXED_AUDITS, *NEGOTIABLE_AUDITS)),
            Column("source_system", "code", is_any_allowed=True, refers_to="staging"),
            Column("tolerance", "number", low=0),
            Column("set_on", "date"),
            Column("reason"),
            Column("until", "date", is_blank_allowed=True),
            key="audit source_system",
            is_locked=False,
        ),
        _table(
            "reporting",
            Column("key", "code", codes=REPORTING_KEYS),
            Column("value"),
            key="key",
            is_locked=False,
        ),
        _table(
            "exchange_rates",
            Column("currency"),
            Column("rate_date", "date"),
            Column("rate_to_reporting", "number", low=0.000000001),
            key="currency rate_date",
            is_locked=False,
        ),
        _table(
            "quarantine_dismissals",
            Column("quarantine_id"),
            Column("reason"),
            Column("dismissed_on", "date"),
            key="quarantine_id",
            is_locked=False,
        ),
    )
}
"""Every policy table by its name."""

MAPPED_CODES: dict[str, tuple[str, ...]] = {
    "response_relevance": ("relevant", "irrelevant"),
    "outcome": ("accepted", "rejected"),
    "status": ("opened", "won", "lost"),
}
"""Canonical columns with codes of their own, which ``value_mappings`` may fill."""

MAPPED_FREELY = ("response_intent", "source_stage", "currency", "country", "offer_id", "reason")
"""Canonical columns without a list of codes, which ``value_mappings`` may fill."""

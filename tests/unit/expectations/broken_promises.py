"""Known-bad rows: for every promise, a change to the good candidate that breaks it, and the keys to name."""

from collections.abc import Sequence
from dataclasses import dataclass

from expectations.suites import ACCEPTED, KEYS, REQUIRED
from tests.fixtures.candidates import BUILD_ID, person


@dataclass(frozen=True)
class Broken:
    """A change that breaks a promise.

    Args:
        check: The promise's check name.
        change: SQL statements.
        keys: Keys that the result must name, among others.
        source_system: The source system that must fail; ``*`` for expectations on all of them.
    """

    check: str
    change: tuple[str, ...]
    keys: tuple[str, ...]
    source_system: str = "*"


ONE, TWO, THREE, FOUR, FIVE, SIX, SEVEN = (person(number) for number in range(1, 8))
_KEY_OF_FIRST = {
    "suspects": ONE,
    "prospects": ONE,
    "mqls": ONE,
    "sqls": ONE,
    "stage_transitions": f"{ONE}:1:suspect",
    "people": ONE,
    "person_aliases": "p_00000000000000aa",
    "stage_claims": FIVE,
    "touches": "leadproof:t1",
    "campaigns": "leadproof:c1",
    "quarantine": "q_0001",
    "row_reconciliation": BUILD_ID,
    "funnel_by_day": "suspect",
    "conversion_by_cohort": "suspect",
    "stage_velocity": "suspect_to_prospect",
    "stage_velocity_curve": "suspect_to_prospect",
    "stage_age": "suspect",
    "worklist": ONE,
    "opt_out_breaches": "leadproof:t11",
    "restatements": BUILD_ID,
    "campaign_spend": "leadproof:c1",
    "cost_per_stage": "all",
    "attribution": "mql",
    "journey_mix": "inbound_only",
    "inbound_vs_outbound": "prospect_to_sql",
    "constraint_audit": "traffic_quality",
    "closed_loop": "sql",
    "score_calibration": "prospect",
    "campaign_scorecard": "direction × campaign",
    "segment_scorecard": "direction × segment",
    "message_scorecard": "direction × message",
    "hypothesis_log": "campaign_scorecard: direction × campaign",
}


def _set(table: str, assignment: str, where: str) -> tuple[str, ...]:
    return (f"update marts.{table} set {assignment} where {where}",)


def _first(table: str) -> str:
    key = KEYS[table][0]
    return f"rowid = (select min(rowid) from marts.{table} where {key} = '{_KEY_OF_FIRST[table]}')"


def _stage(table: str, who: str, assignment: str) -> tuple[str, ...]:
    return _set(table, assignment, f"person_id = '{who}' and cycle_number = 1")


def _completeness() -> list[Broken]:
    cases = []
    for table in ("mqls", "sqls"):
        cases += [
            Broken(f"ExpectIcpComplete_{table}", _stage(table, ONE, change), (ONE,), "leadproof")
            for change in ("is_icp_complete = false", "is_icp_complete = null", "icp_version = null")
        ]
        cases += [
            Broken(f"ExpectContextComplete_{table}", _stage(table, ONE, change), (ONE,), "leadproof")
            for change in (
                "is_context_complete = false",
                "is_context_complete = null",
                "direction = 'outbound', campaign_id = null",
            )
        ]
        cases.append(Broken(f"ExpectIcpFit_{table}", _stage(table, ONE, "is_icp_fit = false"), (ONE,)))
    return [
        *cases,
        Broken(
            "ExpectContextComplete_prospects",
            _stage("prospects", FIVE, "is_context_complete = false"),
            (FIVE,),
            "zoho",
        ),
        Broken(
            "ExpectIcpComplete_prospects",
            _stage("prospects", FIVE, "is_icp_complete = false"),
            (FIVE,),
            "zoho",
        ),
        Broken(
            "ExpectUnclassifiedShare_touches",
            _set("touches", "direction = 'unclassified'", "touch_id = 'zoho:t7'"),
            ("zoho:t7",),
            "zoho",
        ),
        Broken(
            "ExpectUnclassifiedShare_touches",
            _set("touches", "direction = null", "touch_id = 'zoho:t7'"),
            ("zoho:t7",),
            "zoho",
        ),
        Broken(
            "ExpectOpenQuarantineShare_row_reconciliation",
            (
                "update marts.quarantine set status = 'open'",
                "update marts.row_reconciliation set open_quarantined_rows = 1"
                f" where build_id = '{BUILD_ID}' and source_system = 'leadproof' and entity = 'touches'",
            ),
            ("q_0001",),
            "leadproof",
        ),
        Broken(
            "ExpectFreshness_row_reconciliation",
            _set(
                "row_reconciliation", "latest_row_at = timestamp '2026-02-26 05:00'", "source_system = 'zoho'"
            ),
            ("zoho.calls (touches)",),
            "zoho",
        ),
        Broken(
            "ExpectFreshness_row_reconciliation",
            _set("row_reconciliation", "latest_row_at = null", "source_system = 'zoho'"),
            ("zoho.calls (touches)",),
            "zoho",
        ),
    ]


def _inputs() -> list[Broken]:
    of_touches = f"source_table = 'touches' and build_id = '{BUILD_ID}'"
    return [
        Broken(
            "ExpectConservation_row_reconciliation",
            _set("row_reconciliation", "landed_rows = landed_rows + 1", of_touches),
            ("leadproof.touches (touches)",),
        ),
        Broken(
            "ExpectConservation_row_reconciliation",
            _set("row_reconciliation", "pending_rows = -1, accepted_rows = accepted_rows + 1", of_touches),
            ("leadproof.touches (touches)",),
        ),
        Broken(
            "ExpectConservation_row_reconciliation",
            _set("row_reconciliation", "superseded_rows = null", of_touches),
            ("leadproof.touches (touches)",),
        ),
        Broken(
            "ExpectLandedRows_row_reconciliation",
            _set("row_reconciliation", "landed_rows = 0", f"build_id = '{BUILD_ID}'"),
            ("no landed rows",),
        ),
        Broken(
            "ExpectLandedRows_row_reconciliation",
            (f"delete from marts.row_reconciliation where build_id = '{BUILD_ID}'",),
            ("no landed rows",),
        ),
        Broken(
            "ExpectStagedWhereLanded_row_reconciliation",
            _set("row_reconciliation", "accepted_rows = 0, quarantined_rows = 0", of_touches),
            ("leadproof.touches (touches)",),
        ),
        Broken(
            "ExpectListedQuarantine_row_reconciliation",
            _set("row_reconciliation", "open_quarantined_rows = 1", of_touches),
            ("leadproof.touches (touches)",),
        ),
        Broken(
            "ExpectListedQuarantine_row_reconciliation",
            ("update marts.quarantine set status = 'open'",),
            ("leadproof.touches (touches)",),
        ),
        Broken(
            "ExpectListedQuarantine_row_reconciliation",
            (
                "update marts.quarantine set status = 'open'",
                f"delete from marts.row_reconciliation where {of_touches}",
            ),
            ("leadproof.touches (touches)",),
        ),
        Broken(
            "ExpectCountedTables_row_reconciliation",
            ("delete from marts.row_reconciliation where entity = 'touches'",),
            ("leadproof.touches (touches)", "leadproof (touches)", "zoho (touches)"),
        ),
        Broken(
            "ExpectCountedTables_row_reconciliation",
            ("delete from marts.row_reconciliation where entity = 'campaigns' and source_system = 'zoho'",),
            ("zoho (campaigns)",),
        ),
        Broken(
            "ExpectCountedTables_row_reconciliation",
            ("delete from marts.row_reconciliation where entity = 'contacts'",),
            ("leadproof (contacts)",),
        ),
        Broken(
            "ExpectCountedTables_row_reconciliation",
            _set("row_reconciliation", "build_id = 'b20260301T050000abc123'", "source_system = 'zoho'"),
            ("zoho (contacts|touches)",),
        ),
        Broken(
            "ExpectCountedTables_row_reconciliation",
            _set("row_reconciliation", "accepted_rows = 0", "source_system = 'zoho'"),
            ("zoho (touches)", "zoho (campaigns)"),
        ),
        Broken("ExpectNotEmptyWhereInputs_people", ("delete from marts.people",), ("leadproof", "zoho")),
        Broken(
            "ExpectNotEmptyWhereInputs_people",
            _set("people", "source_systems = 'leadproof'", "true"),
            ("zoho",),
        ),
        Broken("ExpectNotEmptyWhereInputs_touches", ("delete from marts.touches",), ("leadproof", "zoho")),
        Broken(
            "ExpectNotEmptyWhereInputs_touches",
            ("delete from marts.touches where source_system = 'zoho'",),
            ("zoho",),
        ),
        Broken(
            "ExpectNotEmptyWhereInputs_campaigns", ("delete from marts.campaigns",), ("leadproof", "zoho")
        ),
        Broken(
            "ExpectKnownSourceSystem_touches",
            _set("touches", "source_system = 'elsewhere'", "touch_id = 'leadproof:t1'"),
            ("leadproof:t1",),
        ),
        Broken(
            "ExpectKnownSourceSystem_touches",
            _set("touches", "source_system = null", "touch_id = 'leadproof:t1'"),
            ("leadproof:t1",),
        ),
        Broken(
            "ExpectKnownSourceSystem_touches",
            ("delete from marts.row_reconciliation where entity = 'touches'",),
            ("leadproof:t1", "zoho:t7"),
        ),
        Broken(
            "ExpectKnownSourceSystem_campaigns",
            ("delete from marts.row_reconciliation where entity = 'campaigns'",),
            ("leadproof:c1", "zoho:c1"),
        ),
        Broken(
            "ExpectRowsOfInputs_touches",
            ("delete from marts.touches where touch_id = 'leadproof:t3'",),
            ("leadproof",),
        ),
        Broken("ExpectRowsOfInputs_touches", ("delete from marts.touches",), ("leadproof", "zoho")),
        Broken(
            "ExpectRowsOfInputs_campaigns",
            ("delete from marts.campaigns where valid_to is null and source_system = 'leadproof'",),
            ("leadproof",),
        ),
    ]


def _stages() -> list[Broken]:
    late = "timestamp '2026-02-27'"
    cases = [
        Broken(
            "ExpectOrderedStageDates_prospects",
            _stage("prospects", ONE, f"became_suspect_at = {late}"),
            (ONE,),
        ),
        Broken("ExpectOrderedStageDates_mqls", _stage("mqls", ONE, f"became_prospect_at = {late}"), (ONE,)),
        Broken("ExpectOrderedStageDates_sqls", _stage("sqls", ONE, f"became_mql_at = {late}"), (ONE,)),
        Broken("ExpectOrderedStageDates_sqls", _stage("sqls", ONE, "became_mql_at = null"), (ONE,)),
        Broken(
            "ExpectStageContainment_prospects",
            (f"delete from marts.suspects where person_id = '{ONE}'",),
            (ONE,),
        ),
        Broken("ExpectStageContainment_prospects", _stage("suspects", ONE, "cycle_number = 2"), (ONE,)),
        Broken(
            "ExpectStageContainment_mqls", (f"delete from marts.prospects where person_id = '{SIX}'",), (SIX,)
        ),
        Broken("ExpectStageContainment_sqls", (f"delete from marts.mqls where person_id = '{ONE}'",), (ONE,)),
        Broken("ExpectStageContainment_sqls", _stage("mqls", ONE, f"became_mql_at = {late}"), (ONE,)),
        Broken("ExpectIcpVerdictCarried_sqls", _stage("sqls", ONE, "icp_version = 'v2'"), (ONE,)),
        Broken("ExpectJustifiedRoute_mqls", _stage("mqls", SIX, "engagement_score = 71"), (SIX,)),
        Broken("ExpectJustifiedRoute_mqls", _stage("mqls", SIX, "mql_route = 'qualifying_response'"), (SIX,)),
        Broken("ExpectJustifiedRoute_mqls", _stage("mqls", SIX, "mql_route = null"), (SIX,)),
        Broken(
            "ExpectJustifiedRoute_mqls",
            _set("touches", "is_qualifying_response = false", "touch_id = 'leadproof:t2'"),
            (ONE,),
        ),
        Broken(
            "ExpectJustifiedRoute_mqls",
            _set("touches", "response_relevance = 'irrelevant'", "touch_id = 'leadproof:t9'"),
            (SIX,),
        ),
        Broken("ExpectContiguousCycles_suspects", _stage("suspects", TWO, "cycle_number = 2"), (TWO,)),
        Broken(
            "ExpectContiguousCycles_suspects",
            (f"delete from marts.suspects where person_id = '{THREE}' and cycle_number = 1",),
            (THREE,),
        ),
    ]
    unheard = tuple(
        f"delete from marts.{table} where person_id = '{SEVEN}'"
        for table in ("suspects", "stage_transitions")
    )
    cases += [
        Broken(
            "ExpectSuspectWhenKnown_people",
            (*unheard, *_set("people", "current_stage = null", f"person_id = '{SEVEN}'")),
            (SEVEN,),
        ),
        *(
            Broken("ExpectSuspectWhenKnown_people", _set("people", change, f"person_id = '{TWO}'"), (TWO,))
            for change in ("first_known_at = null", f"first_known_at = {late}", "is_excluded = true")
        ),
        Broken(
            "ExpectProspectOfResponse_touches",
            (
                f"delete from marts.prospects where person_id = '{FIVE}'",
                f"delete from marts.stage_transitions where person_id = '{FIVE}' and to_stage = 'prospect'",
            ),
            ("zoho:t7",),
        ),
        Broken(
            "ExpectProspectOfResponse_touches",
            _stage("prospects", SIX, "became_prospect_at = timestamp '2026-02-12'"),
            ("leadproof:t8",),
        ),
        Broken(
            "ExpectSqlWhereQualified_mqls",
            (
                "delete from marts.sqls",
                "delete from marts.stage_transitions where to_stage = 'sql'",
            ),
            (ONE,),
        ),
        Broken("ExpectSqlWhereQualified_mqls", _stage("sqls", ONE, f"became_sql_at = {late}"), (ONE,)),
        Broken(
            "ExpectSqlWhereQualified_mqls",
            _set("touches", "is_qualifying_response = true", "touch_id = 'leadproof:t9'"),
            (SIX,),
        ),
        Broken("ExpectTransition_mqls", _stage("mqls", SIX, "engagement_score = 1"), (SIX,)),
        Broken("ExpectTransition_mqls", _stage("mqls", ONE, "mql_route = 'score'"), (ONE,)),
        Broken("ExpectTransition_sqls", _stage("sqls", ONE, "policy = 'another'"), (ONE,)),
        Broken("ExpectTransition_prospects", _stage("prospects", FIVE, "is_icp_complete = false"), (FIVE,)),
    ]
    for table, who in (("suspects", TWO), ("prospects", THREE), ("mqls", SIX), ("sqls", ONE)):
        stage = table.rstrip("s")
        cases += [
            Broken(
                f"ExpectKnownPeople_{table}", (f"delete from marts.people where person_id = '{who}'",), (who,)
            ),
            Broken(
                f"ExpectKnownPeople_{table}",
                _set("people", "is_excluded = true", f"person_id = '{who}'"),
                (who,),
            ),
            Broken(
                f"ExpectTransition_{table}",
                (f"delete from marts.stage_transitions where person_id = '{who}' and to_stage = '{stage}'",),
                (who,),
            ),
            Broken(f"ExpectTransition_{table}", _stage(table, who, f"became_{stage}_at = {late}"), (who,)),
        ]
    cases.append(
        Broken(
            "ExpectTransition_mqls",
            (f"insert into marts.stage_transitions from marts.stage_transitions where person_id = '{SIX}'",),
            (SIX,),
        )
    )
    for table, who, evidence in (
        ("prospects", SIX, "leadproof:t8"),
        ("mqls", SIX, "leadproof:t9"),
        ("sqls", ONE, "leadproof:t2"),
    ):
        of_evidence = f"touch_id = '{evidence}'"
        cases += [
            Broken(
                f"ExpectEvidenceTouch_{table}", (f"delete from marts.touches where {of_evidence}",), (who,)
            ),
            Broken(f"ExpectEvidenceTouch_{table}", _stage(table, who, "evidence_touch_id = null"), (who,)),
            *(
                Broken(f"ExpectEvidenceTouch_{table}", _set("touches", change, of_evidence), (who,))
                for change in (
                    f"person_id = '{TWO}'",
                    f"occurred_at = {late}",
                    "cycle_number = 7",
                    "is_response = false",
                )
            ),
            Broken(
                f"ExpectFrozenStamp_{table}",
                _stage(table, who, "message_hypothesis = 'rewritten'"),
                (f"message_hypothesis of {who}",),
            ),
            Broken(
                f"ExpectFrozenStamp_{table}",
                _stage(table, who, "direction = 'unclassified'"),
                (f"direction of {who}",),
            ),
        ]
    return [
        *cases,
        Broken(
            "ExpectEvidenceTouch_suspects",
            _stage("suspects", TWO, "evidence_touch_id = 'leadproof:t1'"),
            (TWO,),
        ),
        Broken(
            "ExpectEvidenceTouch_suspects",
            _set("suspects", "evidence_touch_id = null", f"person_id = '{THREE}' and cycle_number = 2"),
            (THREE,),
        ),
        Broken(
            "ExpectEvidenceTouch_mqls",
            _set("touches", "is_context_complete = false", "touch_id = 'leadproof:t9'"),
            (SIX,),
        ),
        Broken(
            "ExpectEvidenceTouch_sqls",
            _set("touches", "is_qualifying_response = false", "touch_id = 'leadproof:t2'"),
            (ONE,),
        ),
    ]


def _transitions() -> list[Broken]:
    def changed(check: str, transition: str, assignment: str, key: str = "") -> Broken:
        change = _set("stage_transitions", assignment, f"transition_id = '{transition}'")
        return Broken(f"{check}_stage_transitions", change, (key or transition,))

    return [
        Broken(
            "ExpectProvedStage_stage_claims", _set("stage_claims", "proved_stage = 'mql'", "true"), (FIVE,)
        ),
        Broken(
            "ExpectProvedStage_stage_claims", _set("stage_claims", "proved_stage = null", "true"), (FIVE,)
        ),
        changed("ExpectConsistentTransitions", f"{ONE}:1:mql", "transition_id = 'x'", "x"),
        changed("ExpectConsistentTransitions", f"{ONE}:1:mql", "from_stage = 'suspect'"),
        changed("ExpectConsistentTransitions", f"{ONE}:1:mql", "from_stage = null"),
        changed("ExpectConsistentTransitions", f"{ONE}:1:suspect", "from_stage = 'recycled'"),
        changed("ExpectConsistentTransitions", f"{THREE}:2:suspect", "transition_kind = 'advance'"),
        changed("ExpectConsistentTransitions", f"{THREE}:1:disqualified", "transition_kind = 'recycle'"),
        changed("ExpectConsistentTransitions", f"{THREE}:1:disqualified", "transition_kind = null"),
        changed("ExpectStageRow", f"{ONE}:1:sql", "occurred_at = timestamp '2026-02-27'"),
        Broken(
            "ExpectStageRow_stage_transitions",
            (f"delete from marts.sqls where person_id = '{ONE}'",),
            (f"{ONE}:1:sql",),
        ),
        changed("ExpectTransitionEvidence", f"{ONE}:1:mql", "evidence_touch_id = null"),
        changed("ExpectTransitionEvidence", f"{ONE}:1:mql", "evidence_touch_id = 'leadproof:t9'"),
        changed("ExpectTransitionEvidence", f"{ONE}:1:mql", "evidence_touch_id = 'leadproof:gone'"),
        changed("ExpectTransitionEvidence", f"{ONE}:1:mql", "occurred_at = timestamp '2026-02-04'"),
        Broken(
            "ExpectCurrentStage_people",
            _set("people", "current_stage = 'mql'", f"person_id = '{ONE}'"),
            (ONE,),
        ),
        Broken(
            "ExpectCurrentStage_people",
            _set("people", "current_cycle = 1", f"person_id = '{THREE}'"),
            (THREE,),
        ),
        Broken(
            "ExpectCurrentStage_people",
            _set("people", "current_stage = null", f"person_id = '{TWO}'"),
            (TWO,),
        ),
        Broken(
            "ExpectCurrentStage_people",
            _set("people", "current_stage = 'suspect'", f"person_id = '{FOUR}'"),
            (FOUR,),
        ),
        Broken(
            "ExpectCurrentStage_people", _set("people", "is_excluded = true", f"person_id = '{TWO}'"), (TWO,)
        ),
    ]


def _tables() -> list[Broken]:
    cases = []
    for table in KEYS:
        first = _KEY_OF_FIRST[table]
        twice = (f"insert into marts.{table} from marts.{table} where {_first(table)}",)
        remark = (
            f"alter table marts.{table} add column remark varchar",
            *_set(table, "remark = 'ask jo.doe@example.com'", _first(table)),
        )
        cases += [
            Broken(f"ExpectUniqueKey_{table}", twice, ()),
            Broken(f"ExpectNoPersonalValues_{table}", remark, (f"remark of {first}",)),
            Broken(f"ExpectDeclaredColumns_{table}", remark, ("remark",)),
        ]
    for table, columns in REQUIRED.items():
        # The first and the last of them: what lies between is joined in the same condition.
        cases += [
            Broken(
                f"ExpectRequiredValues_{table}",
                _set(table, f"{column} = null", _first(table)),
                (f"{column} of {_KEY_OF_FIRST[table]}",),
            )
            for column in (columns[0], columns[-1])
        ]
    for table, accepted in ACCEPTED.items():
        cases += [
            Broken(
                f"ExpectAcceptedValues_{table}",
                _set(table, f"{column} = 'something else'", _first(table)),
                (f"{column} of " + ("something else" if column == KEYS[table][0] else _KEY_OF_FIRST[table]),),
            )
            for column in accepted
        ]
    return [
        *cases,
        Broken(
            "ExpectAcceptedValues_touches",
            _set("touches", "context_source = null", "touch_id = 'leadproof:t1'"),
            ("context_source of leadproof:t1",),
        ),
        Broken(
            "ExpectAcceptedValues_people",
            _set("people", "acquisition_source = 'ask jo.doe@example.com'", f"person_id = '{TWO}'"),
            (f"acquisition_source of {TWO}",),
        ),
        Broken(
            "ExpectDeclaredColumns_campaigns",
            ("alter table marts.campaigns drop column segment_definition",),
            ("segment_definition",),
        ),
        Broken(
            "ExpectDeclaredColumns_people",
            ("alter table marts.people alter column first_known_at type date",),
            ("first_known_at",),
        ),
        Broken(
            "ExpectNoPersonalValues_campaigns",
            _set("campaigns", "campaign_name = 'call (212) 555-0100 first'", _first("campaigns")),
            ("campaign_name of leadproof:c1",),
        ),
        *(
            Broken(
                "ExpectNoPersonalValues_touches",
                _set("touches", assignment, "touch_id = 'leadproof:t1'"),
                (f"{assignment.split()[0]} of leadproof:t1",),
            )
            for assignment in (
                "response_intent = 'call +1 555 0100 200'",
                "landing_page = 'https://example.com/a?id=7'",
                "landing_page = '/u/jo.doe%40example.com'",
                "landing_page = '/call/%2B1%20555%200100%20200'",
                "offer_id = 'jo.doe@example.com'",
                "offer_id = 'jo.doe&#64;example.com'",
                "message_hypothesis = 'asked by jo.doe@example.com'",
            )
        ),
        Broken(
            "ExpectNoPersonalValues_people",
            ("alter table marts.people add column full_name varchar",),
            (f"full_name of {ONE}",),
        ),
        Broken(
            "ExpectPersonIdFormat_people",
            _set("people", "person_id = 'p_12'", f"person_id = '{FOUR}'"),
            ("p_12",),
        ),
        Broken(
            "ExpectPersonIdFormat_person_aliases",
            _set("person_aliases", "alias_id = 'P_00000000000000AA'", "true"),
            ("P_00000000000000AA",),
        ),
        Broken("ExpectAliasesOfKeys_people", ("delete from marts.person_aliases",), (ONE,)),
        Broken(
            "ExpectAliasesOfKeys_people", _set("person_aliases", f"person_id = '{TWO}'", "true"), (ONE, TWO)
        ),
        Broken(
            "ExpectAliasesOfKeys_people",
            _set("people", "identity_keys = null", f"person_id = '{THREE}'"),
            (THREE,),
        ),
        *(
            Broken(
                f"ExpectKnownPeople_{table}",
                _set(table, "person_id = 'p_ffffffffffffffff'", _first(table)),
                ("p_ffffffffffffffff",),
            )
            for table in ("touches", "person_aliases", "stage_claims", "stage_transitions")
        ),
        Broken(
            "ExpectKnownPeople_stage_transitions",
            _set("people", "is_excluded = true", f"person_id = '{ONE}'"),
            (ONE,),
        ),
        *(
            Broken(
                f"ExpectNothingAfterAsOf_{table}",
                _set(table, f"{column} = timestamp '2026-03-01 06:00:01'", _first(table)),
                (_KEY_OF_FIRST[table],),
            )
            for table, column in (
                ("suspects", "became_suspect_at"),
                ("prospects", "became_prospect_at"),
                ("mqls", "became_mql_at"),
                ("sqls", "became_sql_at"),
                ("stage_transitions", "occurred_at"),
                ("touches", "occurred_at"),
                ("campaigns", "valid_from"),
            )
        ),
        Broken(
            "ExpectContextExplained_touches",
            _set("touches", "is_context_complete = false", "touch_id = 'leadproof:t1'"),
            ("leadproof:t1",),
        ),
        Broken(
            "ExpectOrderedVersions_campaigns",
            _set("campaigns", "valid_to = timestamp '2026-02-09'", _first("campaigns")),
            ("leadproof:c1",),
        ),
        Broken(
            "ExpectOrderedVersions_campaigns",
            _set("campaigns", "valid_to = timestamp '2026-02-20'", "source_system = 'zoho'"),
            ("zoho:c1",),
        ),
    ]


def _funnel_reports() -> list[Broken]:
    return [
        Broken(
            "ExpectEveryEntryCounted_funnel_by_day",
            _set("funnel_by_day", "entries = entries + 1", _first("funnel_by_day")),
            ("suspect (all)",),
        ),
        Broken(
            "ExpectEveryEntryCounted_funnel_by_day",
            ("delete from marts.funnel_by_day where stage = 'sql'",),
            ("sql (all)",),
        ),
        Broken(
            "ExpectEveryEntryCounted_conversion_by_cohort",
            ("delete from marts.conversion_by_cohort where cut = 'campaign' and cohort = '(all)'",),
            ("suspect (campaign)", "prospect (campaign)", "mql (campaign)"),
        ),
        Broken(
            "ExpectEveryEntryCounted_conversion_by_cohort",
            _set(
                "conversion_by_cohort",
                "entries = 0",
                "cut = 'channel' and cohort <> '(all)' and stage = 'mql'",
            ),
            ("mql (channel by month)",),
        ),
        Broken(
            "ExpectEveryEntryCounted_stage_velocity",
            _set("stage_velocity", "entries = entries - 1", "cut = 'segment' and step = 'mql_to_sql'"),
            ("mql (segment)",),
        ),
        Broken(
            "ExpectOpenStockCounted_funnel_by_day",
            _set("funnel_by_day", "exits = exits + 1", _first("funnel_by_day")),
            ("suspect (all)",),
        ),
        Broken(
            "ExpectOpenStockCounted_stage_age",
            _set("stage_age", "open_count = open_count + 1", "cut = 'direction' and stage = 'sql'"),
            ("sql (direction)",),
        ),
        Broken(
            "ExpectStockCarriedForward_funnel_by_day",
            _set("funnel_by_day", "open_stock = open_stock + 1", _first("funnel_by_day")),
            ("2026-02-01 suspect none",),
        ),
        *(
            Broken(
                "ExpectRestatementsAddUp_restatements",
                _set("restatements", change, "cause = 'merged'"),
                (f"{BUILD_ID} prospect 2026-02-01",),
            )
            for change in ("entries_now = 5", "removed_count = 1, changed_count = 0", "changed_count = 0")
        ),
        Broken(
            "ExpectNoContactAfterOptOut_touches",
            _set("opt_out_breaches", "touch_id = 'leadproof:t3'", "true"),
            ("leadproof:t3",),
            "leadproof",
        ),
    ]


def _scorecards() -> list[Broken]:
    return [
        Broken(
            "ExpectSameContactsInEveryCut_campaign_scorecard",
            _set("campaign_scorecard", "reached_count = 4", "cut = 'direction × campaign × channel'"),
            ("outbound (direction × campaign × channel)",),
        ),
        Broken(
            "ExpectSameContactsInEveryCut_message_scorecard",
            ("delete from marts.message_scorecard where cut = 'direction × message × segment'",),
            ("outbound (direction × message × segment)",),
        ),
        Broken(
            "ExpectSameContactsInEveryCut_segment_scorecard",
            _set("segment_scorecard", "direction = 'inbound'", "cut = 'direction × segment'"),
            ("outbound (direction × segment)",),
        ),
        Broken(
            "ExpectEvidenceForVerdict_message_scorecard",
            _set("message_scorecard", "evidence_above_log10 = 1.9", _first("message_scorecard")),
            ("message_scorecard: direction × message",),
        ),
        Broken(
            "ExpectEvidenceForVerdict_segment_scorecard",
            _set("segment_scorecard", "verdict = 'stop'", _first("segment_scorecard")),
            ("segment_scorecard: direction × segment",),
        ),
        Broken(
            "ExpectEvidenceForVerdict_campaign_scorecard",
            _set("campaign_scorecard", "success_count = 3", _first("campaign_scorecard")),
            ("campaign_scorecard: direction × campaign",),
        ),
        Broken(
            "ExpectEvidenceForVerdict_hypothesis_log",
            _set("hypothesis_log", "evidence_required_log10 = 3.1", _first("hypothesis_log")),
            ("campaign_scorecard: direction × campaign",),
        ),
    ]


def _money_reports() -> list[Broken]:
    return [
        Broken(
            "ExpectSpendRowsCounted_campaign_spend",
            _set("campaign_spend", "spend_rows = 1", _first("campaign_spend")),
            ("leadproof",),
        ),
        Broken(
            "ExpectSpendRowsCounted_campaign_spend",
            (
                "insert into marts.campaign_spend by name"
                " select 'zoho' as campaign_source_system, 1 as spend_rows",
            ),
            ("zoho",),
        ),
        Broken(
            "ExpectCostsAddUp_cost_per_stage",
            _set("cost_per_stage", "spend_amount = spend_amount - 0.01", "cut = 'channel'"),
            ("spend_amount (channel)",),
        ),
        Broken(
            "ExpectCostsAddUp_cost_per_stage",
            _set("cost_per_stage", "sqls = sqls + 1", "cut = 'month × campaign'"),
            ("sqls (month × campaign)",),
        ),
        Broken(
            "ExpectCostsAddUp_cost_per_stage",
            ("delete from marts.cost_per_stage where cut = 'segment'",),
            ("prospects (segment)", "spend_amount (segment)"),
        ),
        Broken(
            "ExpectWholeCredit_attribution",
            _set("attribution", "linear_credit = linear_credit - 0.000001", "stage = 'mql'"),
            ("mql (linear)",),
        ),
        Broken(
            "ExpectWholeCredit_attribution",
            ("delete from marts.attribution where stage = 'sql'",),
            ("sql (first_touch)", "sql (position_based)"),
        ),
        Broken(
            "ExpectEveryJourneyCounted_journey_mix",
            ("insert into marts.journey_mix select * from marts.journey_mix",),
            ("sqls",),
        ),
        Broken(
            "ExpectDirectionsAddUp_inbound_vs_outbound",
            _set(
                "inbound_vs_outbound",
                "outbound_entries = outbound_entries + 1",
                "cut = 'channel' and funnel_step = 'mql_to_sql'",
            ),
            ("outbound entries mql_to_sql (channel)",),
        ),
        Broken(
            "ExpectDirectionsAddUp_inbound_vs_outbound",
            _set(
                "inbound_vs_outbound",
                "inbound_spend_amount = inbound_spend_amount - 0.01",
                "cut = 'segment' and funnel_step = 'suspect'",
            ),
            ("inbound spend_amount suspect (segment)",),
        ),
        Broken(
            "ExpectDirectionsAddUp_inbound_vs_outbound",
            ("delete from marts.inbound_vs_outbound where cut = 'acquisition_source'",),
            ("inbound entries prospect_to_sql (acquisition_source)",),
        ),
        Broken(
            "ExpectDirectionsAddUp_inbound_vs_outbound",
            _set("funnel_by_day", "direction = 'inbound'", "stage = 'suspect'"),
            ("inbound entries suspect (all)",),
        ),
        Broken(
            "ExpectEveryScoreCounted_score_calibration",
            _set(
                "score_calibration",
                "sql_maturing_count = 0",
                "cut = 'campaign' and stage = 'mql'",
            ),
            ("mql (campaign)",),
        ),
        Broken(
            "ExpectEveryScoreCounted_score_calibration",
            ("delete from marts.score_calibration where stage = 'prospect' and cut = 'direction'",),
            ("prospect (direction)",),
        ),
        Broken(
            "ExpectEveryDealCounted_closed_loop",
            _set("closed_loop", "deal_rows = 3", _first("closed_loop")),
            ("deal_rows",),
        ),
        Broken("ExpectEveryDealCounted_closed_loop", ("delete from marts.closed_loop",), ("deal_rows",)),
        Broken(
            "ExpectEveryDealCounted_closed_loop",
            _set("closed_loop", "open_deals = 1", _first("closed_loop")),
            ("sql 2026-02-01",),
        ),
    ]


def _held_against_touches() -> list[Broken]:
    one = "touch_id = 'leadproof:t1'"
    breach = "touch_id = 'leadproof:t11'"
    cases = [
        *(
            Broken(
                "ExpectStampInForce_touches",
                _set("touches", f"{column} = {value}", one),
                (f"{column} of leadproof:t1",),
            )
            for column, value in (
                ("campaign_name", "null"),
                ("message_hypothesis", "'told afterwards'"),
                ("campaign_updated_at", "timestamp '2026-02-02'"),
            )
        ),
        Broken(
            "ExpectStampInForce_touches",
            _set("touches", "context_source = 'answered', segment_name = 'another'", one),
            ("segment_name of leadproof:t1",),
        ),
        Broken(
            "ExpectStampInForce_touches",
            _set("touches", "context_source = 'none'", one),
            ("context_source of leadproof:t1",),
        ),
        Broken(
            "ExpectStampInForce_touches",
            _set("campaigns", "valid_from = timestamp '2026-02-04'", _first("campaigns")),
            ("campaign_name of leadproof:t1",),
        ),
        Broken("ExpectTouchIdOfSource_touches", _set("touches", "touch_id = 'zoho:t1'", one), ("zoho:t1",)),
        *(
            Broken(
                "ExpectCycleOfMoment_touches",
                _set("touches", f"cycle_number = {value}", one),
                ("cycle_number of leadproof:t1",),
            )
            for value in ("2", "null")
        ),
        *(
            Broken("ExpectTouchesOfPeople_people", change, (f"{column} of {ONE}",))
            for column, change in (
                ("inbound_touches", _set("touches", "direction = 'outbound'", one)),
                ("first_touch_at", _set("touches", "occurred_at = timestamp '2026-02-02'", one)),
                ("last_touch_at", _set("people", "last_touch_at = null", f"person_id = '{ONE}'")),
                ("first_touch_at", _set("touches", f"person_id = '{TWO}'", one)),
            )
        ),
        Broken(
            "ExpectBreachesOfTouches_opt_out_breaches",
            _set("opt_out_breaches", f"person_id = '{ONE}'", breach),
            ("person_id of leadproof:t11",),
        ),
        Broken(
            "ExpectBreachesOfTouches_opt_out_breaches",
            _set("opt_out_breaches", "opted_out_at = timestamp '2026-02-05'", breach),
            ("opted_out_at of leadproof:t11",),
        ),
        Broken(
            "ExpectBreachesOfTouches_opt_out_breaches",
            (
                "delete from marts.opt_out_breaches",
                *_set("touches", "direction = 'unclassified'", breach),
            ),
            ("touch_id of leadproof:t11",),
        ),
        Broken(
            "ExpectBreachesOfTouches_opt_out_breaches",
            (
                "delete from marts.opt_out_breaches",
                *_set("touches", "direction = 'unclassified'", breach),
                f"insert into marts.touches select * from marts.touches where {breach}",
            ),
            ("touch_id of leadproof:t11",),
        ),
        Broken(
            "ExpectFrozenStamp_suspects",
            _set("suspects", "message_name = null", f"person_id = '{THREE}' and cycle_number = 2"),
            (f"message_name of {THREE}",),
        ),
        Broken(
            "ExpectFrozenStamp_suspects",
            _stage("suspects", TWO, "campaign_name = 'nobody said so'"),
            (f"campaign_name of {TWO}",),
        ),
        Broken(
            "ExpectFrozenStamp_stage_transitions",
            _set("stage_transitions", "success_metric = null", f"transition_id = '{ONE}:1:mql'"),
            (f"success_metric of {ONE}",),
        ),
    ]
    for table, who in (("suspects", TWO), ("prospects", THREE), ("mqls", SIX), ("sqls", ONE)):
        cases += [
            Broken(
                f"ExpectStandingOfCycle_{table}",
                _stage(table, who, f"{column} = {value}"),
                (f"{column} of {who}",),
            )
            for column, value in (
                ("current_stage", "'recycled'"),
                ("current_stage_since", "current_stage_since - interval 1 day"),
                ("days_in_stage", "days_in_stage + 1"),
            )
        ]
    return [
        *cases,
        Broken(
            "ExpectCurrentStage_people",
            _set("people", "days_in_stage = days_in_stage + 1", f"person_id = '{TWO}'"),
            (TWO,),
        ),
        Broken(
            "ExpectListedQuarantine_row_reconciliation",
            ("delete from marts.quarantine",),
            ("leadproof.touches (touches)",),
        ),
    ]


def _held_against_figures() -> list[Broken]:
    whole = "cut = 'all' and step = 'mql_to_sql'"
    return [
        *(
            Broken(
                f"ExpectCoherentRates_{table}",
                _set(table, change, _first(table)),
                (f"{rate}_rate of {_KEY_OF_FIRST[table]}",),
            )
            for table, rate, change in (
                ("campaign_scorecard", "delivered", "delivered_rate = 0.9"),
                ("segment_scorecard", "response", "response_low = 1.1"),
                ("message_scorecard", "success", "success_count = 3"),
                ("hypothesis_log", "success", "success_high = 0.4"),
                ("constraint_audit", "lever", "lever_rate = null"),
                ("conversion_by_cohort", "ever", "ever_rate = 0.5"),
                ("inbound_vs_outbound", "inbound", "inbound_n = 2, inbound_count = 1"),
                ("score_calibration", "sql", "sql_high = 1.2"),
            )
        ),
        Broken(
            "ExpectHorizonsAddUp_conversion_by_cohort",
            _set("conversion_by_cohort", "within_60_days_maturing_count = 0", _first("conversion_by_cohort")),
            ("within_60_days_n of suspect (all) (all)",),
        ),
        Broken(
            "ExpectWaitsAddUp_stage_velocity",
            _set("stage_velocity", "censored_count = censored_count + 1", whole),
            ("entries of mql_to_sql (all)",),
        ),
        Broken(
            "ExpectWaitsAddUp_stage_velocity",
            _set("stage_velocity", "converted_share = 1.5", whole),
            ("converted_share of mql_to_sql (all)",),
        ),
        Broken(
            "ExpectCurveOfWaits_stage_velocity_curve",
            (f"delete from marts.stage_velocity_curve where {whole}",),
            ("converted_count of mql_to_sql (all)",),
        ),
        Broken(
            "ExpectCurveOfWaits_stage_velocity_curve",
            _set("stage_velocity_curve", "converted_share = 0.5", whole),
            ("converted_share of mql_to_sql (all)",),
        ),
        Broken(
            "ExpectAgesAddUp_stage_age",
            _set("stage_age", "open_0_to_7_days_count = 9", "cut = 'all' and stage = 'sql'"),
            ("open_count of sql (all)",),
        ),
        Broken(
            "ExpectAgesAddUp_stage_age",
            _set("stage_age", "p90_age_days = 0.5", "cut = 'all' and stage = 'sql'"),
            ("median_age_days of sql (all)",),
        ),
        Broken(
            "ExpectWorkOfPeople_worklist",
            (f"delete from marts.worklist where person_id = '{SIX}'",),
            (f"person_id of {SIX}",),
        ),
        *(
            Broken(
                "ExpectWorkOfPeople_worklist",
                _set("worklist", change, f"person_id = '{ONE}'"),
                (f"{column} of {ONE}",),
            )
            for column, change in (
                ("is_icp_fit", "is_icp_fit = false"),
                ("action", "action = 'nurture'"),
                ("waiting_days", "waiting_days = 0"),
            )
        ),
        Broken(
            "ExpectTestsLogged_hypothesis_log",
            ("delete from marts.hypothesis_log where cut = 'direction × message'",),
            ("test_id of message_scorecard: direction × message", "direction × message"),
        ),
        Broken(
            "ExpectTestsLogged_hypothesis_log",
            _set("hypothesis_log", "verdict = 'stop'", _first("hypothesis_log")),
            ("verdict of campaign_scorecard: direction × campaign",),
        ),
    ]


CASES: Sequence[Broken] = (
    *_completeness(),
    *_inputs(),
    *_stages(),
    *_transitions(),
    *_funnel_reports(),
    *_scorecards(),
    *_money_reports(),
    *_tables(),
    *_held_against_touches(),
    *_held_against_figures(),
)

"""The funnel tables in ordinary pandas: what many teams run in a notebook or a nightly script.

Simpler than the floor where such scripts are: all files are read into memory; the last row of a repeated id
stands; attributes are those of the latest contact version, and what it lacks is its company's of today;
answers take context from the touch that they name or from the last company touch with a campaign on their
channel, but not from answers of answers; a cycle ends at an exit or by dormancy and reopens with the next
response, under one policy for all time; only the present direction rules, requirements and ICP version are
applied. So its counts come close to those of the marts and are not compared with them; what it takes is.
"""

import argparse
import hashlib
import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.floor import TABLES, landed_files
from orchestration.settings import PROJECT_ROOT

_RULE_FIELDS = (
    "channel",
    "touch_type",
    "placement",
    "keyword_intent",
    "audience_consent",
    "content_fit",
    "initiated_by",
)
_ATTRIBUTES = ("industry", "employee_count", "company_type", "country", "seniority")
_TEXTS = (
    "campaign_name",
    "segment_definition",
    "message_hypothesis",
    "expected_response",
    "success_metric",
    "success_threshold",
)


def read_tables(landing: Path) -> dict[str, pd.DataFrame]:
    """Read every file of every table, as a script that is given a folder would.

    Args:
        landing: Landing folder.

    Returns:
        Rows by table.
    """
    return {
        table: pd.concat([pd.read_parquet(path) for path in landed_files(landing, table)], ignore_index=True)
        for table in TABLES
    }


def seed(name: str) -> pd.DataFrame:
    """Read a policy table.

    Args:
        name: Name of the seed.

    Returns:
        Its rows; blank cells are null.
    """
    return pd.read_csv(PROJECT_ROOT / "seeds" / f"{name}.csv")


def identify(
    contacts: pd.DataFrame, touches: pd.DataFrame, most_contacts: int
) -> tuple[pd.Series, pd.Series]:
    """Number people: connected components of contact ids, addresses and anonymous ids.

    Args:
        contacts: Contact versions.
        touches: Touches.
        most_contacts: More contacts or addresses than this make a shared key.

    Returns:
        Person id by contact version and by touch.
    """
    shared = set(seed("shared_mailboxes")["local_part"].str.lower())
    per_address = contacts.groupby("email")["source_contact_id"].nunique()
    crowded = set(per_address[per_address > most_contacts].index)
    for frame in (contacts, touches):
        hub = frame["email"].isin(crowded) | frame["email"].str.split("@").str[0].isin(shared)
        frame["linking_email"] = frame["email"].mask(hub)
    per_visitor = (
        touches.groupby("anonymous_id")[["linking_email", "source_contact_id"]].nunique().max(axis=1)
    )
    hub_visitors = set(per_visitor[per_visitor > most_contacts].index)
    touches["linking_visitor"] = touches["anonymous_id"].mask(touches["anonymous_id"].isin(hub_visitors))
    parents: dict[str, str] = {}

    def root(key: str) -> str:
        while parents.setdefault(key, key) != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    keys = pd.concat(
        [
            touches[["source_contact_id", "linking_email", "linking_visitor"]],
            contacts[["source_contact_id", "linking_email"]],
        ]
    ).drop_duplicates()
    for contact, email, visitor in keys.itertuples(index=False, name=None):
        present = [
            f"{kind}:{value}"
            for kind, value in (("email", email), ("contact", contact), ("anonymous", visitor))
            if isinstance(value, str)
        ]
        for other in present[1:]:
            left, right = sorted((root(present[0]), root(other)), reverse=True)
            parents[right] = left
        if present:
            root(present[0])
    people = {key: f"p_{hashlib.md5(root(key).encode()).hexdigest()[:16]}" for key in list(parents)}

    def named(frame: pd.DataFrame) -> pd.Series:
        found = ("contact:" + frame["source_contact_id"]).map(people)
        found = found.fillna(("email:" + frame["linking_email"]).map(people))
        if "linking_visitor" in frame:
            found = found.fillna(("anonymous:" + frame["linking_visitor"]).map(people))
        return found

    return named(contacts), named(touches)


def direct(touches: pd.DataFrame) -> pd.DataFrame:
    """Find the direction rule that wins for each combination of fields that occurs.

    Args:
        touches: Touches with ``has_prior_permission``.

    Returns:
        ``direction`` and ``rule_id`` by touch.
    """
    rules = seed("touch_direction_rules").sort_values("priority")
    columns = [*_RULE_FIELDS, "has_prior_permission"]
    combinations = touches[columns].drop_duplicates().reset_index(drop=True)
    direction = pd.Series("unclassified", index=combinations.index)
    rule_id = pd.Series(None, index=combinations.index, dtype=object)
    for rule in rules.to_dict("records"):
        matching = rule_id.isna()
        for field in _RULE_FIELDS:
            if rule[field] != "*":
                matching &= combinations[field].eq(rule[field]).fillna(False).astype(bool)
        permission = str(rule["has_prior_permission"]).lower()
        if permission != "*":
            matching &= combinations["has_prior_permission"] == (permission == "true")
        direction[matching], rule_id[matching] = rule["direction"], rule["rule_id"]
    combinations["direction"], combinations["rule_id"] = direction, rule_id
    return touches[columns].merge(combinations, on=columns, how="left")[["direction", "rule_id"]]


def fits(profiles: pd.DataFrame) -> pd.Series:
    """Say which profiles are complete and within the ICP's bounds.

    Args:
        profiles: Attributes.

    Returns:
        True where complete and fit.
    """
    rules = seed("icp_profiles")
    rules = rules[rules["icp_version"] == rules.sort_values("effective_from")["icp_version"].iloc[-1]]
    fit = pd.Series(True, index=profiles.index)
    for rule in rules.to_dict("records"):
        value = profiles[rule["attribute"]]
        if rule["attribute"] == "employee_count":
            low = -math.inf if pd.isna(rule["min_value"]) else rule["min_value"]
            high = math.inf if pd.isna(rule["max_value"]) else rule["max_value"]
            met = value.between(low, high)
        else:
            met = value.isin(str(rule["allowed_values"]).split("|"))
        fit &= met.fillna(False).astype(bool) | (value.isna() & (not rule["is_required"]))
    return fit


def stages_of(responses: pd.DataFrame, policy: dict[str, float]) -> Iterable[tuple[Any, ...]]:
    """Walk a person's responses in order, as a script does.

    Args:
        responses: One row per response with person, time, points, verdicts and the last exit before it.
        policy: Values of ``stage_policy``.

    Yields:
        Person, cycle, stage and moment.
    """
    dormancy = pd.Timedelta(days=policy["dormancy_days"])
    decay = math.log(2) / (policy["score_half_life_days"] * 86400)
    person, cycle, last, score, is_complete, is_qualified, mql = None, 0, None, 0.0, False, False, False
    sold = False
    for row in responses.itertuples(index=False):
        is_new = row.person_id != person
        reopens = not is_new and (
            row.occurred_at - last >= dormancy or (row.exit_at is not pd.NaT and row.exit_at >= last)
        )
        if is_new or reopens:
            cycle = 1 if is_new else cycle + 1
            person, score, is_complete, is_qualified, mql, sold = (
                row.person_id,
                0.0,
                False,
                False,
                False,
                False,
            )
            yield person, cycle, "suspect", row.occurred_at if reopens else row.first_known_at
            yield person, cycle, "prospect", row.occurred_at
        else:
            score *= math.exp(-decay * (row.occurred_at - last).total_seconds())
        last = row.occurred_at
        score += row.scored_points
        is_complete |= row.is_context_complete
        is_qualified |= row.is_qualifying
        if not mql and row.is_fit and is_complete and (is_qualified or score >= policy["mql_min_score"]):
            mql = True
            yield person, cycle, "mql", row.occurred_at
        if mql and is_qualified and not sold:
            sold = True
            yield person, cycle, "sql", row.occurred_at


def compute(landing: Path, as_of: datetime) -> dict[str, pd.DataFrame]:
    """Compute the funnel tables.

    Args:
        landing: Landing folder.
        as_of: The one clock (UTC, without zone).

    Returns:
        ``touches``, ``stage_transitions``, one table per stage, and ``people``.
    """
    tables = read_tables(landing)
    policy_rows = seed("stage_policy").set_index("key")["value"]
    policy = {key: float(value) for key, value in policy_rows.items() if key != "hand_raise_qualifies"}

    contacts = tables["contacts"]
    for column in ("email", "industry", "company_type", "country", "seniority"):
        contacts[column] = contacts[column].str.strip().str.lower()
    contacts["updated_at"] = contacts["updated_at"].fillna(contacts["created_at"])
    contacts = contacts.dropna(subset=["source_contact_id", "created_at"])
    contacts = contacts[contacts["updated_at"] <= as_of]
    contacts = contacts.drop_duplicates(["source_contact_id", "updated_at"], keep="last")

    touches = tables["touches"]
    for column in ("email", *_RULE_FIELDS):
        touches[column] = touches[column].str.strip().str.lower()
    types = seed("touch_types").drop(columns=["effective_from", "effective_to", "comment"])
    touches = touches.dropna(subset=["source_touch_id", "occurred_at", "channel", "touch_type"])
    touches = touches[touches["occurred_at"] <= as_of].merge(types, on="touch_type")
    touches = touches.drop_duplicates("source_touch_id", keep="last").reset_index(drop=True)

    contacts = contacts.reset_index(drop=True)
    contacts["person_id"], touches["person_id"] = identify(
        contacts, touches, int(policy["max_contacts_per_address"])
    )
    touches = touches.dropna(subset=["person_id"])
    touches = touches.sort_values(["person_id", "occurred_at", "source_touch_id"]).reset_index(drop=True)

    granted = (
        touches["grants_permission"]
        .astype(float)
        .mask(~touches["grants_permission"] & ~touches["is_opt_out"])
    )
    held = granted.groupby(touches["person_id"]).ffill().groupby(touches["person_id"]).shift()
    touches["has_prior_permission"] = held.eq(1.0)
    touches[["direction", "direction_rule_id"]] = direct(touches).to_numpy()

    sent = touches["campaign_id"].where(touches["actor"] == "company")
    sent_at = touches["occurred_at"].where(sent.notna())
    by_channel = [touches["person_id"], touches["channel"]]
    earlier = sent.groupby(by_channel).ffill()
    earlier_at = sent_at.groupby(by_channel).ffill()
    near = touches["occurred_at"] - earlier_at <= pd.Timedelta(days=policy["response_window_days"])
    answered = touches["answers_touch_id"].map(touches.set_index("source_touch_id")["campaign_id"])
    own = touches["campaign_id"].notna()
    touches["campaign_id"] = touches["campaign_id"].fillna(
        answered.fillna(earlier.where(near)).where(touches["is_response"])
    )
    touches["context_source"] = np.select(
        [own, answered.notna() & touches["is_response"], touches["campaign_id"].notna()],
        ["own", "answered", "window"],
        "none",
    )

    campaigns = tables["campaigns"].dropna(subset=["campaign_id", "updated_at"])
    campaigns["valid_from"] = campaigns[["starts_at", "created_at", "updated_at"]].min(axis=1)
    later = campaigns.duplicated("campaign_id")
    campaigns.loc[later, "valid_from"] = campaigns.loc[later, "updated_at"]
    campaigns = campaigns.drop(columns=["starts_at", "ends_at", "created_at", "updated_at", "channel"])
    touches = pd.merge_asof(
        touches.sort_values("occurred_at"),
        campaigns.sort_values("valid_from"),
        left_on="occurred_at",
        right_on="valid_from",
        by="campaign_id",
    )
    is_full = touches[list(_TEXTS)].notna().all(axis=1)
    touches["is_context_complete"] = (touches["direction"] == "inbound") | is_full

    # pandas would join what has no company with a company row that has no id.
    companies = tables["companies"].dropna(subset=["source_company_id"]).sort_values("updated_at")
    for column in ("industry", "company_type", "country"):
        companies[column] = companies[column].str.strip().str.lower()
    versions = contacts.sort_values("updated_at").merge(
        companies.drop_duplicates("source_company_id", keep="last"),
        on="source_company_id",
        how="left",
        suffixes=("", "_of_company"),
    )
    for attribute in ("industry", "employee_count", "company_type", "country"):
        versions[attribute] = versions[attribute].fillna(versions[f"{attribute}_of_company"])
    titles = seed("seniority_rules").sort_values("priority")
    for rule in titles.to_dict("records"):
        pattern = re.compile(rule["job_title_pattern"], re.IGNORECASE)
        open_titles = versions.loc[versions["seniority"].isna(), "job_title"].dropna().unique()
        matching = {title for title in open_titles if pattern.search(title)}
        versions["seniority"] = versions["seniority"].mask(
            versions["seniority"].isna() & versions["job_title"].isin(matching), rule["seniority"]
        )
    versions[list(_ATTRIBUTES)] = versions.groupby("person_id")[list(_ATTRIBUTES)].ffill()
    versions["is_fit"] = fits(versions)
    known = versions[["person_id", "updated_at", "is_fit", *_ATTRIBUTES]]

    first_contact = versions.groupby("person_id")["created_at"].min()
    first_touch = touches.groupby("person_id")["occurred_at"].min()
    first_known = pd.concat([first_contact, first_touch]).groupby(level=0).min()
    reachable = pd.concat([versions["person_id"], touches.loc[touches["linking_email"].notna(), "person_id"]])
    first_known = first_known[first_known.index.isin(set(reachable))]

    opt_outs = touches.loc[touches["is_opt_out"], ["person_id", "occurred_at"]]
    handoffs = tables["handoffs"][tables["handoffs"]["outcome"] == "rejected"]
    people_of_contacts = contacts.drop_duplicates("source_contact_id").set_index("source_contact_id")[
        "person_id"
    ]
    rejected = handoffs.assign(person_id=handoffs["source_contact_id"].map(people_of_contacts))
    exits = pd.concat([opt_outs, rejected[["person_id", "occurred_at"]]]).dropna()
    exits = exits.rename(columns={"occurred_at": "exit_at"}).sort_values("exit_at")
    exits["exited_at"] = exits["exit_at"]

    responses = touches[touches["is_response"] & ~touches["is_opt_out"]].copy()
    responses["is_qualifying"] = responses["is_context_complete"] & (
        (
            (responses["response_relevance"] == "relevant")
            & np.array(
                [
                    isinstance(wanted, str) and isinstance(intent, str) and intent in wanted.split("|")
                    for wanted, intent in zip(
                        responses["expected_response"], responses["response_intent"], strict=True
                    )
                ]
            )
        )
        | (
            responses["is_hand_raise"]
            & (responses["direction"] == "inbound")
            & (responses["response_relevance"] != "irrelevant")
        )
    )
    place = responses.groupby(["person_id", "touch_type"]).cumcount() + 1
    counts = (place <= responses["max_scored_per_cycle"].fillna(np.inf)) & (
        responses["response_relevance"] != "irrelevant"
    )
    responses["scored_points"] = responses["points"].where(counts, 0)
    responses = pd.merge_asof(
        responses,
        known.sort_values("updated_at")[["person_id", "updated_at", "is_fit"]],
        left_on="occurred_at",
        right_on="updated_at",
        by="person_id",
    )
    responses["is_fit"] = responses["is_fit"].eq(True)
    responses = pd.merge_asof(
        responses,
        exits,
        left_on="occurred_at",
        right_on="exited_at",
        by="person_id",
        allow_exact_matches=False,
    )
    responses["first_known_at"] = responses["person_id"].map(first_known)
    responses = responses.dropna(subset=["first_known_at"])
    responses = responses.sort_values(["person_id", "occurred_at", "source_touch_id"])
    reached = pd.DataFrame(
        stages_of(
            responses[
                [
                    *("person_id", "occurred_at", "exit_at", "first_known_at", "scored_points", "is_fit"),
                    *("is_context_complete", "is_qualifying"),
                ]
            ],
            policy,
        ),
        columns=["person_id", "cycle_number", "to_stage", "occurred_at"],
    )
    silent = first_known[~first_known.index.isin(set(reached["person_id"]))]
    suspects = pd.DataFrame(
        {
            "person_id": silent.index,
            "cycle_number": 1,
            "to_stage": "suspect",
            "occurred_at": silent.to_numpy(),
        }
    )
    transitions = pd.concat([reached, suspects], ignore_index=True)

    directions = touches.groupby(["person_id", "direction"]).size().unstack(fill_value=0)
    people = (
        first_known.rename("first_known_at")
        .to_frame()
        .join(known.drop_duplicates("person_id", keep="last").set_index("person_id"))
        .join(directions)
        .join(transitions.drop_duplicates("person_id", keep="last").set_index("person_id")["to_stage"])
        .reset_index(names="person_id")
    )
    tables_found = {"touches": touches, "stage_transitions": transitions, "people": people}
    for stage in ("suspect", "prospect", "mql", "sql"):
        tables_found[f"{stage}s"] = transitions[transitions["to_stage"] == stage]
    return tables_found


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute and write the tables as Parquet, in a process of its own.

    Args:
        arguments: Words of the command line; None for the process's own.
    """
    parser = argparse.ArgumentParser(description="Compute the funnel tables in pandas.")
    parser.add_argument("landing", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("as_of", type=datetime.fromisoformat)
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, frame in compute(options.landing, options.as_of).items():
        frame.to_parquet(options.out / f"{name}.parquet")
        print(f"{name}: {len(frame):,}")


if __name__ == "__main__":
    main()

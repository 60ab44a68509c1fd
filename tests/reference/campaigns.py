"""Campaign versions over time, and what the registry adds (sections 3 and 5, ADR 0003).

Which touch takes which campaign does not belong here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.reference.attributes import updated_at
from tests.reference.policy import Policy, registered_at
from tests.reference.staging import Judged, Value
from tests.reference.values import as_code, as_time

# Column of the stamp: column of the campaign version (and of the registry).
STAMP_COLUMNS = {
    "campaign_name": "campaign_name",
    "campaign_channel": "channel",
    "segment_name": "segment_name",
    "segment_definition": "segment_definition",
    "message_name": "message_name",
    "message_hypothesis": "message_hypothesis",
    "expected_response": "expected_response",
    "success_metric": "success_metric",
    "success_threshold": "success_threshold",
    "campaign_icp_version": "icp_version",
    "campaign_starts_at": "starts_at",
    "campaign_ends_at": "ends_at",
    "campaign_created_at": "created_at",
    "campaign_updated_at": "updated_at",
}


@dataclass(frozen=True)
class CampaignContext:
    """What a campaign says at a moment.

    Args:
        campaign_id: Id in its source system; null where there is no campaign.
        values: Stamp columns; all null where nothing is in force.
        absence: Why there is no campaign: `no_campaign`, `campaign_unknown`, `campaign_not_in_force`.
        source_system: System in which the campaign lies; null where there is none.
    """

    campaign_id: str | None = None
    values: Mapping[str, Value] = field(default_factory=lambda: dict.fromkeys(STAMP_COLUMNS))
    absence: str | None = None
    source_system: str | None = None


NO_CAMPAIGN = CampaignContext(absence="no_campaign")


class Campaigns:
    """All accepted campaign versions, by system and id."""

    def __init__(self, versions: Iterable[Judged], policy: Policy) -> None:
        self.policy = policy
        self.versions: dict[tuple[str, str], list[Judged]] = defaultdict(list)
        for version in sorted(versions, key=updated_at):
            self.versions[(version.row.source_system, version.text("campaign_id") or "")].append(version)

    def context(self, system: str, campaign_id: str, moment: datetime) -> CampaignContext:
        """Section 5: the campaign version in force at a moment, filled from the registry."""
        versions = self.versions.get((system, campaign_id))
        if not versions:
            return CampaignContext(campaign_id, absence="campaign_unknown", source_system=system)
        in_force = [version for version, start in valid_from(versions) if start <= moment]
        if not in_force:
            return CampaignContext(campaign_id, absence="campaign_not_in_force", source_system=system)
        values: dict[str, Value] = {
            name: in_force[-1].values[column] for name, column in STAMP_COLUMNS.items()
        }
        for row in reversed(self.policy.registry.get((system, campaign_id), ())):
            if registered_at(row) > moment:
                continue
            for name, column in STAMP_COLUMNS.items():
                text = row.get(column)
                if values[name] is None and text is not None:
                    values[name] = _registered(column, text)
        return CampaignContext(campaign_id, values, source_system=system)


def valid_from(versions: list[Judged]) -> list[tuple[Judged, datetime]]:
    """Section 5: the first version from the earliest of its times, each later one from its `updated_at`."""
    first, *later = versions
    times = (first.moment("starts_at"), first.moment("created_at"), updated_at(first))
    start = min(moment for moment in times if moment is not None)
    return [(first, start), *((version, updated_at(version)) for version in later)]


def _registered(column: str, text: str) -> Value:
    if column in ("starts_at", "ends_at"):
        return as_time(text)
    return as_code(text) if column == "channel" else text

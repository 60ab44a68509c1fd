"""What was known of a person at a moment: attributes, fit, segment, exclusion (sections 3 and 4, ADR 0005).

What the person did does not belong here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.reference.policy import Condition, IcpVersion, Policy, pattern_of
from tests.reference.staging import Judged
from tests.reference.values import address_of, by_bytes

COMPANY_ATTRIBUTES = ("industry", "employee_count", "company_type", "country")
ATTRIBUTES = ("industry", "employee_count", "seniority", "company_type", "country")


@dataclass(frozen=True)
class Attributes:
    """The attributes of section 4 as of a moment; the band's upper end belongs to `employee_count`."""

    industry: str | None = None
    employee_count: float | None = None
    employee_count_max: float | None = None
    seniority: str | None = None
    company_type: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class IcpVerdict:
    """Section 4 at a moment: version in force, complete, fit, and why not."""

    icp_version: str | None
    is_icp_complete: bool
    is_icp_fit: bool
    missing: tuple[str, ...]
    mismatched: tuple[str, ...]


class Knowledge:
    """What the records say about one person, over time.

    Args:
        contacts: The person's accepted contact versions.
        companies: Accepted versions of every company, by system and id.
        policy: For the seniority of titles, for ICP and segments.
    """

    def __init__(
        self,
        contacts: Iterable[Judged],
        companies: Mapping[tuple[str, str], Sequence[Judged]],
        policy: Policy,
    ) -> None:
        self.contacts = sorted(contacts, key=version_order)
        self.policy = policy
        self._companies = companies

    def attributes(self, moment: datetime) -> Attributes:
        """Section 4, attributes as of t."""
        known = [version for version in self.contacts if updated_at(version) <= moment]
        found: dict[str, object] = {}
        for version in known:
            own = {name: version.values[name] for name in COMPANY_ATTRIBUTES}
            own["seniority"] = version.values["seniority"] or self.policy.seniority_of(
                version.text("job_title")
            )
            _take(found, own, version)
        company: dict[str, object] = {}
        for version in self._company_versions(known):
            if updated_at(version) <= moment:
                _take(company, {name: version.values[name] for name in COMPANY_ATTRIBUTES}, version)
        return Attributes(**{**company, **found})  # type: ignore[arg-type]

    def acquisition_source(self, moment: datetime) -> str | None:
        """Section 4, as any attribute; no company has one."""
        found = [
            version.text("acquisition_source") for version in self.contacts if updated_at(version) <= moment
        ]
        return next((source for source in reversed(found) if source), None)

    def company_at(self, moment: datetime) -> tuple[str, str] | None:
        """Section 4: the company that the latest contact version naming one points to."""
        return _company_of([version for version in self.contacts if updated_at(version) <= moment])

    def companies_ever(self) -> set[tuple[str, str]]:
        """Every company that any contact version names."""
        return {company for version in self.contacts if (company := _company_of([version]))}

    def versions_of(self, company: tuple[str, str]) -> Sequence[Judged]:
        """Accepted versions of a company."""
        return self._companies.get(company, ())

    def icp(self, moment: datetime) -> IcpVerdict:
        """Section 4, `is_icp_complete` and `is_icp_fit`, by the version in force at a moment."""
        return icp_verdict(self.policy.icp_version(moment), self.attributes(moment))

    def segment(self, moment: datetime) -> str | None:
        """Section 3: the first segment all of whose rules hold."""
        attributes = self.attributes(moment)
        return next(
            (
                name
                for name, conditions in self.policy.segments(moment).items()
                if all(condition_holds(condition, attributes) for condition in conditions)
            ),
            None,
        )

    def is_in_segment(self, segment: str | None, moment: datetime) -> bool | None:
        """Section 5: the campaign's segment rules on the person's attributes; null when unknown.

        One rule that fails decides; else one that cannot be judged leaves it open.
        """
        wanted = (segment or "").lower()
        conditions = next(
            (rules for name, rules in self.policy.segments(moment).items() if name.lower() == wanted), None
        )
        if not conditions:
            return None
        attributes = self.attributes(moment)
        verdicts = [condition_holds(condition, attributes) for condition in conditions]
        if False in verdicts:
            return False
        return None if None in verdicts else True

    def exclusion_reason(self, linking_addresses: Iterable[str]) -> str | None:
        """Section 3, ADR 0005: any address, title or company domain; the first reason in the alphabet."""
        addresses = {*linking_addresses}
        addresses |= {address for version in self.contacts if (address := address_of(version.text("email")))}
        titles = {title for version in self.contacts if (title := version.text("job_title"))}
        naming = [
            *self.contacts,
            *(version for company in self.companies_ever() for version in self.versions_of(company)),
        ]
        domains = {domain for version in naming if (domain := version.text("company_domain"))}
        texts = {
            "email": addresses,
            "email_domain": {address.split("@")[1] for address in addresses},
            "company_domain": domains,
        }
        reasons = set()
        for exclusion in self.policy.exclusions:
            if exclusion.kind == "job_title":
                pattern = pattern_of(exclusion.pattern)
                found = any(pattern.search(title.lower()) for title in titles)
            else:
                found = any(_fits(exclusion.pattern, text) for text in texts[exclusion.kind])
            if found:
                reasons.add(exclusion.reason)
        return min(reasons, key=by_bytes, default=None)

    def _company_versions(self, known: Sequence[Judged]) -> Sequence[Judged]:
        company = _company_of(known)
        return self.versions_of(company) if company else ()


def icp_verdict(version: IcpVersion | None, attributes: Attributes) -> IcpVerdict:
    """Section 4: complete if all that is required is known, fit if what is known lies within its bounds."""
    if version is None:
        return IcpVerdict(None, False, False, (), ())
    holds = {condition.attribute: condition_holds(condition, attributes) for condition in version.conditions}
    missing = tuple(
        condition.attribute
        for condition in version.conditions
        if condition.is_required and holds[condition.attribute] is None
    )
    mismatched = tuple(attribute for attribute, verdict in holds.items() if verdict is False)
    return IcpVerdict(version.name, not missing, not missing and not mismatched, missing, mismatched)


def condition_holds(condition: Condition, attributes: Attributes) -> bool | None:
    """Section 3: ranges include both ends; a band must lie within; null where the attribute is unknown."""
    value = getattr(attributes, condition.attribute)
    if value is None:
        return None
    if condition.operator == "in":
        return value in condition.allowed
    upper = value
    if condition.attribute == "employee_count" and attributes.employee_count_max is not None:
        upper = attributes.employee_count_max
    return (condition.minimum is None or value >= condition.minimum) and (
        condition.maximum is None or upper <= condition.maximum
    )


def updated_at(version: Judged) -> datetime:
    """The row time of a version."""
    moment = version.moment("updated_at")
    if moment is None:
        raise ValueError(f"a version without time: {version.row}")
    return moment


def version_order(version: Judged) -> tuple[datetime, bytes, bytes]:
    """Section 4: ordered by `updated_at, source_system, source_contact_id`."""
    id_column = "source_contact_id" if version.entity == "contacts" else "source_company_id"
    return (
        updated_at(version),
        by_bytes(version.row.source_system),
        by_bytes(version.text(id_column) or ""),
    )


def _take(found: dict[str, object], own: Mapping[str, object], version: Judged) -> None:
    for name, value in own.items():
        if value is not None:
            found[name] = value
            if name == "employee_count":
                # A band and its upper end are one: an exact number takes no upper end from elsewhere.
                found["employee_count_max"] = version.values["employee_count_max"]


def _company_of(known: Sequence[Judged]) -> tuple[str, str] | None:
    for version in reversed(known):
        if company := version.text("source_company_id"):
            return version.row.source_system, company
    return None


def _fits(pattern: str, text: str) -> bool:
    """ADR 0005: `*` stands for any run of characters, nothing else is special."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None

"""What CRMs claim against what the record proves, counted and said in a sentence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from orchestration.report.obstacles import cause
from orchestration.report.words import STAGE_NAMES, joined, split_list
from orchestration.source_text import clean

_ORDER = ("customer", "sql", "mql", "prospect", "suspect")
_QUALIFIED = ("mql", "sql", "customer")
_ATTRIBUTE_ORDER = ("seniority", "company size", "company type", "industry", "country")
_MAIN_SHARE = 0.5


@dataclass
class StageClaim:
    """One stage that one system claims.

    Args:
        source_system: The system.
        claimed_stage: The stage.
        people: How many people it claims this of.
        proved: Of how many the record proves it; None where the claim names no stage of the funnel.
        causes: What is missing for the rest, by family and words, with the people it concerns.
    """

    source_system: str
    claimed_stage: str
    people: int = 0
    proved: int | None = None
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def name(self) -> str:
        """The claimed stage in words."""
        return STAGE_NAMES.get(self.claimed_stage, clean(self.claimed_stage))


ClaimRow = tuple[str, str, bool | None, str | None, int]


def count_claims(rows: Iterable[ClaimRow]) -> list[StageClaim]:
    """Add claims up.

    Args:
        rows: Source system, claimed stage, whether it is proved, what is missing (a ``|`` list), people.

    Returns:
        By system, the furthest claimed stage first.
    """
    found: dict[tuple[str, str], StageClaim] = {}
    for system, stage, is_proved, missing, people in rows:
        claim = found.setdefault((system, stage), StageClaim(system, stage))
        claim.people += people
        if is_proved is None:
            continue
        claim.proved = (claim.proved or 0) + (people if is_proved else 0)
        for each in {cause(code) for code in split_list(missing)}:
            claim.causes[each] += people
    return sorted(found.values(), key=lambda claim: (claim.source_system, _rank(claim), -claim.people))


def claim_sentences(claims: Sequence[StageClaim]) -> list[str]:
    """Say for each system what it claims and what of that is proved.

    Args:
        claims: All claims.

    Returns:
        One sentence for each system that claims qualified people, or prospects where it claims no more.
    """
    sentences = []
    for system in dict.fromkeys(claim.source_system for claim in claims):
        own = [claim for claim in claims if claim.source_system == system and claim.proved is not None]
        told = [claim for claim in own if claim.claimed_stage in _QUALIFIED] or [
            claim for claim in own if claim.claimed_stage == "prospect"
        ]
        if told:
            sentences.append(_sentence(system, told))
    return sentences


def because(causes: Counter[tuple[str, str]], unproved: int) -> str:
    """Say what at least half of the unproved lack.

    Args:
        causes: What is missing, by family and words, with the people it concerns.
        unproved: People whose claim is not proved.

    Returns:
        A clause that follows ``because``; empty if they have no such lack in common.
    """
    main = [key for key, people in causes.items() if unproved and people >= _MAIN_SHARE * unproved]
    clauses = [text for kind, text in main if kind == "no_response"]
    attributes = sorted({text for kind, text in main if kind == "icp_missing"}, key=_attribute_rank)
    if attributes:
        clauses.append(f"{joined([f'no {name}' for name in attributes])} is recorded")
    if not clauses:
        # Two reasons are what a sentence can hold; the table beneath has them all.
        clauses = [text for _, text in sorted(main, key=lambda key: -causes[key])][:2]
    return joined(clauses)


def cause_words(cause: tuple[str, str]) -> str:
    """Write one cause as a clause."""
    kind, text = cause
    return f"no {text} is recorded" if kind == "icp_missing" else text


def _sentence(system: str, told: Sequence[StageClaim]) -> str:
    people, proved = sum(claim.people for claim in told), sum(claim.proved or 0 for claim in told)
    causes: Counter[tuple[str, str]] = sum((claim.causes for claim in told), Counter())
    names = joined([claim.name for claim in reversed(told)], "or")
    sentence = f"Your CRM ({clean(system)}) calls {people:,} people {names}; "
    if proved == people:
        return f"{sentence}all of them are proved."
    why = because(causes, people - proved)
    if proved == 0:
        sentence += f"0 are proved{f', because {why}' if why else ''}"
    else:
        sentence += f"{proved:,} are proved{f', most of the others are not, because {why}' if why else ''}"
    if not why and causes:
        sentence += f"; the most frequent reason why not: {cause_words(causes.most_common(1)[0][0])}"
    return f"{sentence}."


def _rank(claim: StageClaim) -> int:
    return _ORDER.index(claim.claimed_stage) if claim.claimed_stage in _ORDER else len(_ORDER)


def _attribute_rank(name: str) -> int:
    return _ATTRIBUTE_ORDER.index(name) if name in _ATTRIBUTE_ORDER else len(_ATTRIBUTE_ORDER)

"""What the codes of ``blocked_by`` and ``missing_for_claim`` mean, in words.

Short phrases for counts of people; what one person needs is worked out in ``missing.py``.
"""

from orchestration.report.words import ATTRIBUTE_NAMES, STAGE_NAMES, spoken
from orchestration.source_text import clean

_PLAIN = {
    "no_response": "no response is recorded",
    "no_qualifying_response": "no response qualifies",
    "not_known": "only anonymous visits are known",
    "not_evaluated_since": "everything is there; it counts with the next response or record",
    "score": "the score is too low",
}
_NO_CAMPAIGN = {
    "no_campaign": "responses name no campaign",
    "campaign_unknown": "responses name a campaign that no table describes",
    "campaign_not_in_force": "responses came before their campaign was set up",
    "no_response": "no response carries context",
}


def phrase(code: str) -> str:
    """Say what stands in the way, for anybody.

    Args:
        code: One code, for example ``icp_missing:industry``.

    Returns:
        A phrase without a full stop, for example ``no industry is recorded``.
    """
    kind, _, subject = code.partition(":")
    if kind == "icp_missing":
        return f"no {spoken(subject)} is recorded"
    if kind == "icp_mismatch":
        return f"the {spoken(subject)} lies outside the ICP"
    if kind == "context_missing":
        return _NO_CAMPAIGN.get(subject) or f"the context lacks {spoken(subject)}"
    if kind == "exited":
        return f"the last cycle has ended ({STAGE_NAMES.get(subject, clean(subject))})"
    if kind == "excluded":
        return f"excluded by policy ({spoken(subject)})"
    return _PLAIN.get(kind) or spoken(code)


def cause(code: str) -> tuple[str, str]:
    """Name the repair that a code calls for, so that codes of one repair are counted together.

    Args:
        code: One code.

    Returns:
        Its family and, for a missing attribute, the attribute in words; else the phrase.
    """
    kind, _, subject = code.partition(":")
    if kind == "icp_missing":
        return kind, ATTRIBUTE_NAMES.get(subject, spoken(subject))
    if kind == "context_missing":
        return kind, "the campaign context is incomplete"
    if kind == "score":
        return kind, _PLAIN["score"]
    return kind, phrase(code)

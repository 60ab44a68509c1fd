"""What happens to the people of one chunk: campaigns reach them, some answer, some come by themselves.

Waves follow one another, each as a handful of array operations: visits of their own accord, campaigns with
answers, reactions, follow-ups, refusals. Every later touch knows the earlier one that caused it. Rows, keys
and dirt do not belong here.
"""

from dataclasses import dataclass

import numpy as np

from orchestration.simulation import vocabulary as words
from orchestration.simulation.campaigns import (
    KIND_PROGRAMS,
    PROGRAM,
    REQUIRED_CONTEXT,
    Calendar,
    Campaign,
)
from orchestration.simulation.clock import (
    DAY,
    HOUR,
    Array,
    after,
    at_work,
    business_seconds,
    pick_days,
    visit_seconds,
)
from orchestration.simulation.drafts import (
    COMPANY,
    FORM_KINDS,
    OPT_OUT_KINDS,
    Draft,
    Touches,
    struck,
)
from orchestration.simulation.population import GAP, KEPT, NEVER, NORMAL, STRANGER, Population
from orchestration.simulation.vocabulary import INTENT, IRRELEVANT, KIND, RELEVANT

# What opens an episode of interest, and how often.
_SOURCES = {
    "organic_visit": 0.28,
    "category_click": 0.13,
    "brand_click": 0.07,
    "competitor_click": 0.04,
    "unknown_keyword_click": 0.012,
    "site_visit": 0.13,
    "article_visit": 0.06,
    "video_visit": 0.035,
    "fitting_influencer": 0.025,
    "unfit_influencer": 0.015,
    "unknown_influencer": 0.006,
    "social_like": 0.04,
    "social_follow": 0.015,
    "review_visit": 0.03,
    "tool_use": 0.03,
    "press_visit": 0.01,
    "talk_visit": 0.012,
    "print_visit": 0.01,
    "tv_visit": 0.01,
    "radio_visit": 0.008,
    "outdoor_visit": 0.008,
    "download": 0.02,
}
# What people do next, for passing, growing and strong interest.
_NEXT = (
    {
        "site_visit": 0.74,
        "organic_visit": 0.12,
        "article_visit": 0.07,
        "download": 0.04,
        "newsletter_signup": 0.03,
    },
    {
        "site_visit": 0.46,
        "organic_visit": 0.09,
        "article_visit": 0.08,
        "download": 0.12,
        "webinar_signup": 0.06,
        "tool_use": 0.05,
        "newsletter_signup": 0.03,
        "social_like": 0.03,
        "social_follow": 0.01,
        "chat": 0.025,
        "review_visit": 0.025,
        "demo_request": 0.003,
        "contact_request": 0.003,
        "pricing_request": 0.002,
        "inbound_call": 0.002,
    },
    {
        "site_visit": 0.4,
        "organic_visit": 0.06,
        "article_visit": 0.06,
        "brand_click": 0.03,
        "download": 0.14,
        "webinar_signup": 0.09,
        "tool_use": 0.08,
        "chat": 0.03,
        "review_visit": 0.04,
        "trial": 0.026,
        "demo_request": 0.007,
        "pricing_request": 0.005,
        "contact_request": 0.004,
        "inbound_call": 0.011,
    },
)
_HAND_RAISES = np.array([KIND[name] for name in words.HAND_RAISES])
_HAND_RAISE_INTENTS = {
    "demo_request": "book_demo",
    "pricing_request": "request_pricing",
    "contact_request": None,
}
# Answers whose content somebody reads and judges.
_JUDGED = np.array(
    [
        KIND[name]
        for name in (
            "cold_reply",
            "plain_reply",
            "call_answered",
            "social_reply",
            "letter_request",
            "booth_visit",
        )
    ]
)
_REGRETS = np.array([INTENT[name] for name in ("not_now", "no_interest", "ask_question", "refer_colleague")])


@dataclass
class World:
    """What a wave needs to know.

    Args:
        rng: Source of randomness of this chunk.
        calendar: All campaigns.
        start: First second of the world.
        end: Last second of the world.
    """

    rng: np.random.Generator
    calendar: Calendar
    start: int
    end: int


@dataclass
class Outcomes:
    """What sales did with people, as columns of equal length.

    Args:
        person: Places of the people.
        time: Seconds.
        code: Outcome or status.
        reason: Place in ``REJECTIONS``; -1 for none. Handoffs only.
        amount: Money; 0 for none. Deals only.
        number: Number of the handoff or deal within the chunk.
    """

    person: Array
    time: Array
    code: Array
    reason: Array
    amount: Array
    number: Array


def live(world: World, population: Population) -> Touches:
    """Let the people of a chunk live.

    Args:
        world: Campaigns and time.
        population: The people; ``born_at`` of those who come by the web is filled in.

    Returns:
        What happened, ordered by time.
    """
    draft = Draft()
    _wander(world, population, draft)
    waves = len(draft.waves)
    _settle(world, population, draft)
    for indices in world.calendar.by_program.values():
        for index in indices:
            campaign = world.calendar.campaigns[index]
            if PROGRAM[campaign.program].send:
                _reach(world, population, draft, index, campaign)
    _meet_at_booth(world, population, draft)
    _introduce(world, population, draft)
    _react(world, population, draft, waves)
    _attend_webinars(world, draft)
    _interrupt(world, draft)
    _follow_up(world, draft)
    _link_second_addresses(world, population, draft)
    _play_gaps(world, population, draft)
    return struck(draft.gathered(), population, world.start, world.end)


def resized(world: World, population: Population, touches: Touches, target: int) -> Touches:
    """Bring the number of touches to a target by what the company does: more impressions, or fewer.

    Answers, and whatever they answer, stay as they are; so a target below them is not reached.

    Args:
        world: Campaigns and time.
        population: The people.
        touches: What happened, ordered by time.
        target: Wanted number of touches.

    Returns:
        About ``target`` touches, ordered by time.
    """
    rng = world.rng
    if len(touches) > target:
        causes = np.isin(touches.uid, touches.parent)
        idle = COMPANY[touches.kind] & ~causes & (touches.kind != KIND["second_mail"])
        places = rng.permutation(np.flatnonzero(idle))[: len(touches) - target]
        kept = np.ones(len(touches), dtype=bool)
        kept[places] = False
        return touches.only(kept)
    refused = np.isin(touches.kind, OPT_OUT_KINDS)
    until = np.minimum(population.deleted_at, world.end + 1)
    np.minimum.at(until, touches.person[refused], touches.time[refused])
    reachable = np.flatnonzero((population.role == NORMAL) & (until - population.born_at > 8 * DAY))
    if not len(reachable):
        return touches
    person = rng.choice(reachable, target - len(touches))
    span = until[person] - population.born_at[person] - 7 * DAY
    times = at_work(rng, population.born_at[person] + (rng.random(len(person)) * span).astype(np.int64))
    more = Draft(count=int(touches.uid.max(initial=-1)) + 1)
    half = len(person) // 2
    for name, program, here in (
        ("feed_impression", "feed", slice(half)),
        ("display_impression", "display", slice(half, None)),
    ):
        more.add(person[here], times[here], KIND[name], _running(world, program, times[here]))
    together = Draft([touches, *more.waves]).gathered()
    return together.only(np.lexsort((together.uid, together.time)))


def hand_over(world: World, population: Population, touches: Touches) -> tuple[Outcomes, Outcomes]:
    """Let sales take over who raised a hand or answered as hoped, and work on the deals.

    Args:
        world: Campaigns and time.
        population: The people.
        touches: What happened.

    Returns:
        Handoffs and deals.
    """
    rng = world.rng
    promising = np.isin(touches.kind, _HAND_RAISES) | (
        (touches.relevance == RELEVANT)
        & (touches.intent > 0)
        & (touches.intent <= INTENT["send_information"])
    )
    promising &= (population.exclusion[touches.person] == KEPT) & (population.role[touches.person] == NORMAL)
    places = np.flatnonzero(promising)
    fit = population.is_fit[touches.person[places]]
    places = places[rng.random(len(places)) < np.where(fit, 0.6, 0.3)]
    places = places[np.unique(touches.person[places], return_index=True)[1]]
    person = touches.person[places]
    time = after(rng, touches.time[places], 30.0)
    accepted = rng.random(len(places)) < np.where(population.is_fit[person], 0.8, 0.35)
    reasons = np.where(accepted, -1, rng.integers(0, len(words.REJECTIONS), len(places)))
    now = time <= world.end
    handoffs = Outcomes(
        person[now],
        time[now],
        np.where(accepted, 0, 1)[now],
        reasons[now],
        np.zeros(now.sum()),
        np.arange(now.sum()),
    )
    return handoffs, _deals(world, person[now & accepted], time[now & accepted])


def _deals(world: World, person: Array, time: Array) -> Outcomes:
    rng = world.rng
    opened = rng.random(len(person)) < 0.55
    person, opened_at = person[opened], after(rng, time[opened], 150.0)
    end_code = rng.choice(3, len(person), p=(0.35, 0.3, 0.35))  # still open, won, lost
    closed_at = after(rng, opened_at, 24.0 * 35)
    amount = np.round(rng.lognormal(9.6, 0.6, len(person)), -2)
    closed = end_code > 0
    number = np.arange(len(person))
    deals = Outcomes(
        np.concatenate([person, person[closed]]),
        np.concatenate([opened_at, closed_at[closed]]),
        np.concatenate([np.zeros(len(person), dtype=np.int64), end_code[closed]]),
        np.full(len(person) + closed.sum(), -1),
        np.concatenate([amount, np.round(amount[closed] * rng.uniform(0.8, 1.1, closed.sum()), -2)]),
        np.concatenate([number, number[closed]]),
    )
    now = deals.time <= world.end
    return Outcomes(*(getattr(deals, name)[now] for name in deals.__dataclass_fields__))


def _drawn(rng: np.random.Generator, mix: dict[str, float], size: int) -> Array:
    shares = np.array(list(mix.values()))
    return np.array([KIND[name] for name in mix])[rng.choice(len(mix), size, p=shares / shares.sum())]


def _campaign_at(world: World, kinds: Array, times: Array) -> Array:
    """Choose a campaign of the kind's program that runs at the time, where the source records one."""
    rng = world.rng
    campaign = np.full(len(kinds), -1)
    for name, (program, share) in KIND_PROGRAMS.items():
        here = np.flatnonzero(kinds == KIND[name])
        if not len(here):
            continue
        found = _running(world, program, times[here])
        campaign[here] = np.where(rng.random(len(here)) < share, found, -1)
    return campaign


def _running(world: World, program: str, times: Array) -> Array:
    """Choose a message of a program that runs at each time; -1 before its first period."""
    indices = np.array(world.calendar.by_program[program])
    opens = np.array([world.calendar.campaigns[index].starts_at for index in indices])
    messages = len(PROGRAM[program].messages)
    # Within a program, campaigns lie period by period, and all periods hold equally many.
    per_period = len(indices) // len(np.unique(opens))
    turn = np.searchsorted(np.unique(opens), times, side="right") - 1
    chosen = turn * per_period + world.rng.integers(0, max(per_period, messages), len(times)) % per_period
    return np.where(turn >= 0, indices[chosen.clip(0, len(indices) - 1)], -1)


def _wander(world: World, population: Population, draft: Draft) -> None:
    """Wave of own accord: episodes of passing, growing or strong interest, some long after the first."""
    rng = world.rng
    normal = population.role == NORMAL
    comes = normal & (
        (population.acquisition == words.WEB_FORM)
        | (rng.random(population.size_total) < 0.085 * population.pull.clip(0.2, 3.0))
    )
    visitors = np.flatnonzero(comes)
    episodes = 1 + rng.poisson(np.where(population.is_fit[visitors], 0.8, 0.45))
    person = np.repeat(visitors, episodes)
    is_first = np.concatenate([[True], person[1:] != person[:-1]]) if len(person) else np.zeros(0, bool)
    fit = population.is_fit[person]
    strength = (rng.random(len(person)) < np.where(fit, 0.72, 0.28)).astype(np.int64)
    strength += (strength == 1) & (rng.random(len(person)) < np.where(fit, 0.75, 0.25))
    days = pick_days(rng, len(person), world.start // DAY + 1, world.end // DAY - 1)
    begins = days * DAY + visit_seconds(rng, len(person))
    must_identify = is_first & (population.acquisition[person] == words.WEB_FORM)
    _visit(world, draft, person, begins, strength, must_identify)
    strangers = np.flatnonzero(population.role == STRANGER)
    days = pick_days(rng, len(strangers), world.start // DAY, world.end // DAY - 1)
    first = days * DAY + visit_seconds(rng, len(strangers))
    for visit in range(3):
        stay = strangers[rng.random(len(strangers)) < (1.0, 0.45, 0.2)[visit]]
        at = first[stay - population.people] + visit * (HOUR // 3) + rng.integers(30, HOUR // 4, len(stay))
        kinds = _drawn(rng, {"organic_visit": 0.5, "site_visit": 0.35, "category_click": 0.15}, len(stay))
        draft.add(stay, at, kinds, _campaign_at(world, kinds, at))


def _visit(
    world: World,
    draft: Draft,
    person: Array,
    begins: Array,
    strength: Array,
    must_identify: Array,
    parent: Array | int = -1,
) -> None:
    """Add episodes: a first touch that says where they came from, then more within hours to weeks."""
    rng = world.rng
    size = len(person)
    if not size:
        return
    parents = np.broadcast_to(np.asarray(parent), size)
    kinds = _drawn(rng, _SOURCES, size)
    first = draft.add(person, begins, kinds, _campaign_at(world, kinds, begins), parents)
    more = np.choose(
        strength, (rng.geometric(0.5, size) - 1, rng.integers(3, 9, size), rng.integers(9, 22, size))
    )
    more = np.maximum(more.clip(0, 25), must_identify)
    spread = np.choose(strength, (0.3 * DAY, 9.0 * DAY, 17.0 * DAY))
    for weight in range(3):
        here = np.flatnonzero((strength == weight) & (more > 0))
        episode = np.repeat(here, more[here])
        offsets = rng.beta(1.1, 1.6, len(episode)) * spread[episode]
        moments = begins[episode] + 60 + offsets.astype(np.int64)
        if weight:
            moments = moments // DAY * DAY + visit_seconds(rng, len(episode))
            moments = np.maximum(moments, begins[episode] + 60 + rng.integers(0, HOUR, len(episode)))
        kinds = _drawn(rng, _NEXT[weight], len(episode))
        last = np.concatenate([episode[1:] != episode[:-1], [True]]) if len(episode) else np.zeros(0, bool)
        forms = _drawn(
            rng,
            {
                "download": 0.4,
                "webinar_signup": 0.14,
                "newsletter_signup": 0.22,
                "demo_request": 0.05,
                "contact_request": 0.05,
                "trial": 0.06,
            },
            len(episode),
        )
        kinds = np.where(last & must_identify[episode], forms, kinds)
        _raise_hands(world, draft, person[episode], moments, kinds, first.uid[episode])


def _raise_hands(
    world: World, draft: Draft, person: Array, moments: Array, kinds: Array, parent: Array
) -> None:
    """Add touches of own accord; sales marks some of the hand-raises."""
    rng = world.rng
    draws = rng.random(len(kinds))
    raised = np.isin(kinds, _HAND_RAISES)
    relevance = np.where(raised, np.where(draws < 0.35, RELEVANT, np.where(draws < 0.45, IRRELEVANT, 0)), 0)
    intent = np.zeros(len(kinds), dtype=np.int8)
    for name, word in _HAND_RAISE_INTENTS.items():
        if word:
            intent[(kinds == KIND[name]) & (relevance == RELEVANT)] = INTENT[word]
    draft.add(
        person,
        moments,
        kinds,
        _campaign_at(world, kinds, moments),
        parent,
        relevance=relevance,
        intent=intent,
    )


def _settle(world: World, population: Population, draft: Draft) -> None:
    """Find out when those who come by the web are known: at their first form."""
    first_forms = np.full(population.size_total, NEVER)
    for wave in draft.waves:
        here = np.isin(wave.kind, FORM_KINDS) & (wave.time <= world.end)
        np.minimum.at(first_forms, wave.person[here], wave.time[here])
    population.settle_births(first_forms)


def _reach(world: World, population: Population, draft: Draft, index: int, campaign: Campaign) -> None:
    """Let one campaign touch its people step by step until they answer or refuse."""
    rng = world.rng
    program = PROGRAM[campaign.program]
    closes = min(campaign.ends_at, world.end)
    share = program.reach / len(program.messages)
    aimed = (population.role == NORMAL) & (population.born_at < closes)
    if campaign.segment is not None:
        aimed &= (population.segment == campaign.segment) | (rng.random(population.size_total) < 0.03)
    if program.send in {"news_mail", "webinar_invite"}:
        # Only who came by themselves has agreed to be written to.
        aimed &= population.acquisition == words.WEB_FORM
    person = np.flatnonzero(aimed & (rng.random(population.size_total) < share))
    if not len(person):
        return
    earliest = np.maximum(campaign.starts_at, population.born_at[person] + DAY)
    begins = earliest + (rng.random(len(person)) * (closes - earliest).clip(0) * 0.75).astype(np.int64)
    steps = np.arange(program.steps)
    times = begins[:, None] + steps[None, :] * program.gap_days * DAY
    times = at_work(rng, times.ravel() + rng.integers(0, 6 * HOUR, times.size)).reshape(times.shape)
    chance = np.minimum(campaign.rate * population.pull[person], 0.9)[:, None]
    answered = rng.random(times.shape) < chance
    refusal = {"email": 0.0022, "phone": 0.012}.get(program.channel, 0.0)
    refused = np.asarray(rng.random(times.shape)) < refusal
    ends = answered | refused
    over: Array = np.cumsum(ends, axis=1) - ends
    sent = (over == 0) & (times <= closes)
    rows, columns = np.nonzero(sent)
    wave = draft.add(person[rows], times[rows, columns], KIND[str(program.send)], index)
    answer_places = np.flatnonzero(answered[rows, columns])
    _answer(world, population, draft, wave.only(answer_places), program.key)
    refusing = wave.only(np.flatnonzero(refused[rows, columns] & ~answered[rows, columns]))
    _refuse(world, draft, refusing, program.channel)
    if program.key == "mail":
        _machines(world, draft, wave)
    elif program.key == "news":
        opened = wave.only(rng.random(len(wave)) < 0.35)
        delay = rng.exponential(9 * HOUR, len(opened)).astype(np.int64)
        draft.add(opened.person, opened.time + 60 + delay, KIND["news_open"], opened.campaign, opened.uid)


def _answer(world: World, population: Population, draft: Draft, sent: Touches, program_key: str) -> None:
    rng = world.rng
    program = PROGRAM[program_key]
    kinds = _drawn(rng, dict(program.answers), len(sent))
    instant = np.isin(
        kinds, [KIND["call_answered"], KIND["feed_click"], KIND["display_click"], KIND["video_click"]]
    )
    times = np.where(instant, sent.time + rng.integers(20, 240, len(sent)), after(rng, sent.time, 14.0, 1.1))
    relevance, intent = _judged(world, population, sent.person, kinds, program.relevant, program.expected)
    way = rng.random(len(sent))
    personal = np.isin(kinds, [KIND["cold_reply"], KIND["social_reply"], KIND["call_answered"]])
    # Personal answers often come without a campaign id; some name the touch they answer, some not even that.
    # An answered call names no campaign of its own; a few are not even linked to the call.
    picked_up = kinds == KIND["call_answered"]
    answers = personal & (way < np.where(picked_up, 0.85, 0.5))
    campaign = np.where((personal & (way < 0.65)) | picked_up, -1, sent.campaign)
    lost = (kinds == KIND["news_click"]) & (way < 0.05)
    kinds = np.where(lost, KIND["unknown_click"], kinds)
    kinds = np.where((kinds == KIND["cold_reply"]) & (campaign < 0), KIND["plain_reply"], kinds)
    answer = draft.add(sent.person, times, kinds, campaign, sent.uid, answers, relevance, intent)
    _meet(world, draft, answer)


def _judged(
    world: World, population: Population, person: Array, kinds: Array, relevant: float, expected: str
) -> tuple[Array, Array]:
    """Say what a reader finds in an answer: relevant or not, and with which intent."""
    rng = world.rng
    size = len(person)
    share = relevant * np.where(population.is_fit[person], 1.2, 0.7)
    judged = np.isin(kinds, _JUDGED) & (rng.random(size) < 0.9)
    is_relevant = rng.random(size) < share
    relevance = np.where(judged, np.where(is_relevant, RELEVANT, IRRELEVANT), 0)
    hoped = np.array([INTENT[word] for word in expected.split("|")])
    intent = np.where(
        rng.random(size) < 0.72,
        hoped[rng.integers(0, len(hoped), size)],
        _REGRETS[2 + rng.integers(0, 2, size)],
    )
    intent = np.where(is_relevant, intent, _REGRETS[rng.integers(0, len(_REGRETS), size)])
    return relevance, np.where(judged, intent, 0)


def _refuse(world: World, draft: Draft, sent: Touches, channel: str) -> None:
    rng = world.rng
    if channel == "phone":
        kinds = np.full(len(sent), KIND["do_not_contact"])
    else:
        kinds = _drawn(rng, {"unsubscribe": 0.9, "complaint": 0.1}, len(sent))
    draft.add(sent.person, after(rng, sent.time, 3.0), kinds, sent.campaign, sent.uid)


def _machines(world: World, draft: Draft, sent: Touches) -> None:
    """Add what mail servers and mail programs do; none of it is a response."""
    rng = world.rng
    draws = rng.random(len(sent))
    for name, low, high, delay in (
        ("bounce", 0.0, 0.012, HOUR // 60),
        ("absence", 0.012, 0.035, HOUR // 60),
        ("cold_open", 0.035, 0.2, 10 * HOUR),
    ):
        here = sent.only((draws >= low) & (draws < high))
        waited = rng.exponential(delay, len(here)).astype(np.int64)
        draft.add(here.person, here.time + 5 + waited, KIND[name], here.campaign, here.uid)


def _meet_at_booth(world: World, population: Population, draft: Draft) -> None:
    """Those who entered the CRM at a trade show stood at the booth that day."""
    rng = world.rng
    met = np.flatnonzero((population.role == NORMAL) & (population.acquisition == words.EVENT))
    kinds = np.full(len(met), KIND["booth_visit"])
    times = population.born_at[met] - rng.integers(HOUR // 2, 6 * HOUR, len(met))
    times = np.maximum(times, world.start)
    program = PROGRAM["booth"]
    relevance, intent = _judged(world, population, met, kinds, program.relevant, program.expected)
    draft.add(met, times, kinds, _campaign_at(world, kinds, times), relevance=relevance, intent=intent)


def _introduce(world: World, population: Population, draft: Draft) -> None:
    """Those who were recommended or sent by a partner came with an introduction."""
    rng = world.rng
    for acquisition, name in ((words.REFERRAL, "introduction"), (words.PARTNER, "partner_form")):
        met = np.flatnonzero((population.role == NORMAL) & (population.acquisition == acquisition))
        kinds = np.full(len(met), KIND[name])
        times = np.maximum(population.born_at[met] - rng.integers(60, HOUR, len(met)), world.start)
        draft.add(met, times, kinds, _campaign_at(world, kinds, times))


def _react(world: World, population: Population, draft: Draft, since: int) -> None:
    """Some of those who answered or were introduced since a wave look around: most journeys are both."""
    rng = world.rng
    starters = np.array(
        [
            KIND[name]
            for name in (
                "cold_click",
                "cold_reply",
                "feed_click",
                "lead_form",
                "news_click",
                "booth_visit",
                "call_answered",
                "letter_visit",
                "video_click",
                "introduction",
                "partner_form",
            )
        ]
    )
    here = draft.of_kinds(*starters, since=since)
    here = here.only(rng.random(len(here)) < 0.4)
    fit = population.is_fit[here.person]
    strength = (rng.random(len(here)) < np.where(fit, 0.4, 0.15)).astype(np.int64)
    strength += (strength == 1) & (rng.random(len(here)) < 0.35)
    none = np.zeros(len(here), dtype=bool)
    _visit(world, draft, here.person, after(rng, here.time, 20.0), strength, none, here.uid)


def _attend_webinars(world: World, draft: Draft) -> None:
    rng = world.rng
    here = draft.of_kinds(KIND["webinar_signup"])
    here = here.only(rng.random(len(here)) < 0.6)
    days = here.time // DAY + rng.integers(2, 9, len(here))
    times = at_work(rng, days * DAY + 15 * HOUR) // DAY * DAY + 15 * HOUR + rng.integers(0, 600, len(here))
    draft.add(here.person, times, KIND["webinar_seat"], here.campaign, here.uid)


def _interrupt(world: World, draft: Draft) -> None:
    """Show pop-ups to some visitors; a few of them leave an address."""
    rng = world.rng
    here = draft.of_kinds(KIND["site_visit"], KIND["article_visit"])
    here = here.only(rng.random(len(here)) < 0.12)
    times = here.time + rng.integers(10, 90, len(here))
    kinds = np.full(len(here), KIND["popup"])
    shown = draft.add(here.person, times, kinds, _campaign_at(world, kinds, times), here.uid)
    caught = shown.only(rng.random(len(shown)) < 0.06)
    kinds = np.full(len(caught), KIND["popup_form"])
    times = caught.time + rng.integers(5, 120, len(caught))
    draft.add(caught.person, times, kinds, _campaign_at(world, kinds, times), caught.uid)


def _follow_up(world: World, draft: Draft) -> None:
    """Write to those who asked, up to three times; many answer, mostly without a campaign id."""
    rng = world.rng
    program = PROGRAM["followup"]
    indices = np.array(world.calendar.by_program["followup"])
    rates = np.array([world.calendar.campaigns[index].rate for index in indices])
    asking = np.array(
        [KIND[name] for name in (*words.HAND_RAISES, "lead_form", "trial", "chat", "letter_request")]
    )
    asked = draft.of_kinds(*asking)
    message = rng.integers(0, len(indices), len(asked))
    times = after(rng, asked.time, 5.0, 1.2)
    active = np.ones(len(asked), dtype=bool)
    for _ in range(3):
        here = np.flatnonzero(active)
        sent = draft.add(
            asked.person[here], times[here], KIND["follow_up"], indices[message[here]], asked.uid[here]
        )
        says = rng.random(len(here)) < rates[message[here]]
        replied = sent.only(says)
        kinds = np.full(len(replied), KIND["plain_reply"])
        draws = rng.random(len(replied))
        relevance = np.where(draws < program.relevant, RELEVANT, IRRELEVANT)
        hoped = np.array([INTENT[word] for word in program.expected.split("|")])
        intent = np.where(
            rng.random(len(replied)) < 0.8,
            hoped[rng.integers(0, len(hoped), len(replied))],
            _REGRETS[2 + rng.integers(0, 2, len(replied))],
        )
        intent = np.where(relevance == RELEVANT, intent, INTENT["not_now"])
        answers = rng.random(len(replied)) < 0.7
        reply_times = after(rng, replied.time, 9.0)
        reply = draft.add(replied.person, reply_times, kinds, -1, replied.uid, answers, relevance, intent)
        _meet(world, draft, reply)
        active[here[says]] = False
        times = after(rng, times + 2 * DAY, 10.0)
        active &= rng.random(len(asked)) < 0.75


def _meet(world: World, draft: Draft, answers: Touches) -> None:
    """Invite those with a relevant answer to a meeting; two in three come."""
    rng = world.rng
    willing = answers.only(
        (answers.relevance == RELEVANT)
        & (answers.intent <= INTENT["start_trial"])
        & (rng.random(len(answers)) < 0.7)
    )
    campaign = np.array(world.calendar.by_program["followup"])[0]
    invited = draft.add(
        willing.person, after(rng, willing.time, 5.0), KIND["meeting_invite"], campaign, willing.uid
    )
    came = invited.only(rng.random(len(invited)) < 0.66)
    times = after(rng, came.time + 2 * DAY, 30.0, 0.6)
    draft.add(came.person, times, KIND["meeting"], -1, came.uid, True)


def _link_second_addresses(world: World, population: Population, draft: Draft) -> None:
    """A mail from the first record to the second address tells that both are one person."""
    rng = world.rng
    both = np.flatnonzero(
        (population.second_record == 2) & (population.second_at < world.end - 2 * DAY) & population.has_record
    )
    times = np.minimum(population.second_at[both] + rng.integers(HOUR, DAY, len(both)), world.end)
    follow = np.array(world.calendar.by_program["followup"])[0]
    draft.add(both, times, KIND["second_mail"], follow)


def _play_gaps(world: World, population: Population, draft: Draft) -> None:
    """Let a few people answer only campaigns whose context has a gap, one kind of gap each."""
    rng = world.rng
    gaps = (*REQUIRED_CONTEXT, "campaign_not_in_force", "campaign_unknown", "no_campaign")
    person = np.flatnonzero(population.role == GAP)
    if not len(person):
        return
    # -2 stands for an id that no campaign has, -1 for no id at all.
    nowhere = {"campaign_unknown": -2, "no_campaign": -1}
    codes = np.array([world.calendar.gaps.get(gap, nowhere.get(gap, -1)) for gap in gaps])
    campaign = codes[np.arange(len(person)) % len(gaps)]
    # Late enough not to be dormant at the end, early enough for the campaign that is not yet in force.
    low = max(world.start + 2 * DAY, world.end - 90 * DAY)
    days = pick_days(rng, len(person), low // DAY, max((world.end - 25 * DAY) // DAY, low // DAY))
    times = days * DAY + business_seconds(rng, len(person))
    sent = draft.add(person, times, KIND["cold_mail"], campaign)
    draft.add(person, after(rng, times, 12.0), KIND["cold_click"], campaign, sent.uid)

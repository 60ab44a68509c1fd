"""How a person is told on a terminal: who, the timeline with each stage's evidence, what is missing.

What is known is read in ``person.py``; what would mend a lack is worked out in ``missing.py``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions
from rich.text import Text

from orchestration.report.missing import (
    attribute_value,
    lacking_context,
    needs_of,
    summary_of,
    why_not_qualifying,
)
from orchestration.report.person import Person, Touch, Transition
from orchestration.report.scores import Scored, score_along
from orchestration.report.sheet import Sheet
from orchestration.report.words import (
    STAGE_NAMES,
    counted,
    day,
    joined,
    minute,
    number,
    span,
    split_list,
    spoken,
)
from orchestration.source_text import clean

_ATTRIBUTES = ("industry", "employee_count", "seniority", "company_type", "country")
_EXITS = ("recycled", "disqualified")
_LABEL, _INDENT, _PROOF = 16, 16, 11
_FIRST, _LAST = 20, 20
_CONTEXT_FIELDS = ("placement", "keyword_intent", "audience_consent", "content_fit", "initiated_by")
_COLOURS = {"inbound": "green", "outbound": "yellow", "unclassified": "magenta"}
_ARROWS = {"inbound": "← in ", "outbound": "→ out", "unclassified": "  ?  "}


@dataclass(frozen=True)
class Entry:
    """One line of the timeline: a touch, or several that are alike.

    Args:
        touches: The touches, in order.
        scored: What they were worth, by touch id.
    """

    touches: list[Touch]
    scored: dict[str, Scored]


class Explanation:
    """Why a person is, or is not, in a stage; printed by Rich.

    Args:
        person: The person.
    """

    def __init__(self, person: Person) -> None:
        self.person = person

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        sheet = Sheet(console, options)
        _Teller(self.person, sheet).tell()
        yield from sheet.lines()


class _Teller:
    def __init__(self, person: Person, sheet: Sheet) -> None:
        self._person = person
        self._sheet = sheet
        self._evidence: dict[str, list[Transition]] = {}
        for step in person.transitions:
            if step.evidence_touch_id and step.transition_kind != "re_enter":
                self._evidence.setdefault(step.evidence_touch_id, []).append(step)

    def tell(self) -> None:
        self._who()
        self._claims()
        self._timeline()
        self._missing()

    # -- who -----------------------------------------------------------------------------------------

    def _who(self) -> None:
        person, sheet, now = self._person, self._sheet, self._person.standing
        sheet.put(self._standing())
        verdict = summary_of(person)
        if verdict:
            sheet.put(Text(verdict, style="yellow"))
        merged = f"{clean(person.asked_id)} was merged into this person. " if person.asked_id else ""
        sheet.put(
            Text(
                f"{merged}Release {person.release_id}, as of {minute(person.as_of)}. All times are UTC.",
                style="dim",
            )
        )
        sheet.blank()
        sheet.columns(self._attributes(), self._facts(), _LABEL)
        touches = [
            f"{count:,} {name}"
            for name, count in (
                ("inbound", now.inbound_touches),
                ("outbound", now.outbound_touches),
                ("unclassified", now.unclassified_touches),
            )
            if count
        ]
        self._field("touches", Text(joined(touches) or "none"))

    def _standing(self) -> Text:
        now = self._person.standing
        text = Text(now.person_id, style="bold")
        stage = STAGE_NAMES.get(now.current_stage or "", clean(now.current_stage))
        if now.is_excluded:
            return (
                text.append(" is ", style="not bold")
                .append("excluded")
                .append(f": {spoken(now.exclusion_reason or 'policy')}.", style="not bold")
            )
        if now.current_stage is None:
            return text.append(" is in no stage.", style="not bold")
        since = f"since {day(now.current_stage_since)}" if now.current_stage_since else ""
        age = span((now.days_in_stage or 0) * 86400)
        is_out = now.current_stage in _EXITS
        text.append(
            " left the funnel, " if is_out else f" is {'an' if stage in ('MQL', 'SQL') else 'a'} ", "not bold"
        )
        text.append(stage, style="red" if is_out else "cyan")
        return text.append(f" {since} ({age}), cycle {now.current_cycle}.", style="not bold")

    def _attributes(self) -> list[tuple[str, Text]]:
        person, now = self._person, self._person.standing
        bounds = person.policy.bounds(now.icp_version or "")
        blocked = split_list(now.blocked_by)
        told = []
        for attribute in _ATTRIBUTES:
            value = attribute_value(person, attribute)
            required = (bounds.get(attribute) or {}).get("is_required") == "true"
            if not value:
                body = Text("not known", style="yellow" if required else "dim")
            elif f"icp_mismatch:{attribute}" in blocked:
                body = Text(f"{value} (outside)", style="yellow")
            else:
                body = Text(value)
            told.append((spoken(attribute), body))
        return told

    def _facts(self) -> list[tuple[str, Text]]:
        now = self._person.standing
        known = day(now.first_known_at) if now.first_known_at else "not by name"
        source = f", {spoken(now.acquisition_source)}" if now.acquisition_source else ""
        return [
            ("ICP", self._fit(now.icp_version, now.is_icp_complete, now.is_icp_fit)),
            ("score now", Text(number(now.engagement_score or 0.0))),
            ("segment", Text(clean(now.segment)) if now.segment else Text("none", style="dim")),
            ("first known", Text(f"{known}{source}")),
            ("known in", Text(joined([clean(system) for system in split_list(now.source_systems)]))),
        ]

    def _field(self, label: str, body: Text) -> None:
        self._sheet.put(body, Text(f"  {label}", style="dim"), _LABEL)

    def _fit(self, version: str | None, is_complete: bool | None, is_fit: bool | None) -> Text:
        if version is None:
            return Text("no version was in force", style="dim")
        if is_fit:
            return Text(f"{clean(version)}: fits", style="green")
        if is_complete:
            return Text(f"{clean(version)}: does not fit", style="yellow")
        return Text(f"{clean(version)}: incomplete", style="yellow")

    def _claims(self) -> None:
        for claim in self._person.claims:
            claimed = STAGE_NAMES.get(claim.claimed_stage, clean(claim.claimed_stage))
            text = Text(f'{clean(claim.source_system)} says "{claimed}": ')
            if claim.is_claim_proved is None:
                text.append("names no stage of this funnel", style="dim")
            elif claim.is_claim_proved:
                text.append("proved", style="green")
            else:
                proved = STAGE_NAMES.get(claim.proved_stage or "", "nothing")
                text.append(f"not proved; the record proves {proved}", style="yellow")
            self._field("CRM claim", text)

    # -- timeline ------------------------------------------------------------------------------------

    def _timeline(self) -> None:
        person, sheet = self._person, self._sheet
        cycles = sorted(
            {touch.cycle_number for touch in person.touches if touch.cycle_number is not None}
            | {step.cycle_number for step in person.transitions}
        )
        loose = [touch for touch in person.touches if touch.cycle_number is None]
        if loose:
            sheet.blank()
            sheet.rule("touches outside any cycle")
            self._entries(loose, [], {})
        for cycle in cycles:
            steps = [step for step in person.transitions if step.cycle_number == cycle]
            touches = [touch for touch in person.touches if touch.cycle_number == cycle]
            sheet.blank()
            sheet.rule(self._cycle_title(cycle, steps))
            self._entries(touches, steps, self._scored(touches, steps))
        if not person.touches:
            sheet.blank()
            sheet.put("No touches are recorded.")

    def _cycle_title(self, cycle: int, steps: Sequence[Transition]) -> str:
        if not steps:
            return f"cycle {cycle}"
        last = steps[-1]
        title = f"cycle {cycle}: {day(steps[0].occurred_at)}"
        return (
            f"{title} – {day(last.occurred_at)}, {last.to_stage}"
            if last.to_stage in _EXITS
            else f"{title} – now"
        )

    def _scored(self, touches: Sequence[Touch], steps: Sequence[Transition]) -> dict[str, Scored]:
        if self._person.standing.is_excluded:
            return {}
        ended = next((step.occurred_at for step in steps if step.to_stage in _EXITS), None)
        responses = [
            touch for touch in touches if touch.is_response and (ended is None or touch.occurred_at <= ended)
        ]
        opened = steps[0].occurred_at if steps else self._person.as_of
        return score_along(responses, self._person.policy, opened)

    def _entries(
        self, touches: Sequence[Touch], steps: Sequence[Transition], scored: dict[str, Scored]
    ) -> None:
        events: list[tuple[datetime, int, Entry | list[Transition]]] = [
            (entry.touches[0].occurred_at, 1, entry)
            for entry in _collapsed(touches, {*self._evidence}, [step.occurred_at for step in steps], scored)
        ]
        # A stage follows the touch that proves it; what has no touch stands before those of its moment.
        events += [
            (group[0].occurred_at, 2 if group[0].evidence_touch_id else 0, group) for group in _grouped(steps)
        ]
        events.sort(key=lambda event: event[:2])
        ended = next((step.occurred_at for step in steps if step.to_stage in _EXITS), None)
        left_out = self._left_out([event[2] for event in events])
        year: int | None = None
        for place, (moment, _, event) in enumerate(events):
            if place in left_out:
                if place - 1 not in left_out:
                    self._tell_left_out([events[hidden][2] for hidden in sorted(left_out)])
                continue
            if moment.year != year:
                points = "points  score" if year is None and scored else ""
                self._sheet.put("", Text(f"  {moment.year}", style="dim"), 0, Text(points, style="dim"))
                year = moment.year
            if isinstance(event, Entry):
                self._entry(event, ended)
            else:
                self._steps(event)

    def _tell_left_out(self, events: Sequence[Entry | list[Transition]]) -> None:
        hidden = sum(len(event.touches) for event in events if isinstance(event, Entry))
        told = f"… {counted(hidden, 'more touch', 'more touches')}, all in marts.touches"
        self._sheet.put(Text(told, style="dim"), "", _INDENT)

    def _left_out(self, events: Sequence[Entry | list[Transition]]) -> set[int]:
        ordinary = [
            place
            for place, event in enumerate(events)
            if isinstance(event, Entry) and not any(t.touch_id in self._evidence for t in event.touches)
        ]
        return set(ordinary[_FIRST:-_LAST]) if len(ordinary) > _FIRST + _LAST + 1 else set()

    def _entry(self, entry: Entry, ended: datetime | None) -> None:
        first, last = entry.touches[0], entry.touches[-1]
        arrow = Text(_ARROWS.get(first.direction, "     "), style=_COLOURS.get(first.direction, ""))
        beginning = Text(f"  {_moment(first.occurred_at)}  ").append_text(arrow).append("  ")
        body = Text()
        if len(entry.touches) > 1:
            body.append(f"{len(entry.touches):,} × ")
        body.append(spoken(first.touch_type), style="bold" if first.is_response else "")
        if spoken(first.channel) not in spoken(first.touch_type):
            body.append(f" · {spoken(first.channel)}", style="dim")
        if last.occurred_at.date() != first.occurred_at.date():
            body.append(f" until {last.occurred_at:%d %b}", style="dim")
        context = _context_of(first)
        if context:
            body.append(f" · {context}", style="dim")
        for note in self._notes(entry, ended):
            body.append(f" · {note}")
        # What is done to the person is told on one line; what the person does, in full.
        self._sheet.put(
            body, beginning, 0, self._points(entry), is_cut=not (first.is_response or first.is_opt_out)
        )

    def _notes(self, entry: Entry, ended: datetime | None) -> list[str]:
        last = entry.touches[-1]
        notes = []
        if last.response_relevance:
            intent = f", intent {clean(last.response_intent)}" if last.response_intent else ""
            worth = ", so no points" if last.response_relevance == "irrelevant" and entry.scored else ""
            notes.append(f"{clean(last.response_relevance)}{intent}{worth}")
        if last.is_opt_out:
            notes.append("opt-out")
        if last.is_response and last.touch_id not in entry.scored and ended:
            notes.append("after the cycle, so it proves nothing")
        for why in dict.fromkeys(
            entry.scored[t.touch_id].note for t in entry.touches if t.touch_id in entry.scored
        ):
            if why:
                notes.append(why)
        return notes

    def _points(self, entry: Entry) -> Text:
        scored = [entry.scored[touch.touch_id] for touch in entry.touches if touch.touch_id in entry.scored]
        gained = sum(each.points for each in scored)
        if not gained:
            return Text()
        return Text(f"{'+' + number(gained):>6}", style="dim").append(
            f"{number(scored[-1].total):>7}", style="not dim"
        )

    def _steps(self, steps: Sequence[Transition]) -> None:
        """Tell the stages that one touch, or one moment, brought."""
        sheet, step = self._sheet, steps[-1]
        is_exit = step.to_stage in _EXITS
        colour = "red" if is_exit else "cyan"
        title = Text("✗ " if is_exit else "◆ ", style=colour)
        names = [STAGE_NAMES.get(each.to_stage, each.to_stage).upper() for each in steps]
        title.append(" → ".join(names), style=f"bold {colour}")
        how = self._how(steps)
        if how:
            title.append(f"  {how}", style="not bold default")
        sheet.put(title, f"  {_moment(step.occurred_at)}", _INDENT)
        if step.transition_kind == "advance" and step.evidence_touch_id:
            for label, line in self._proof(steps):
                sheet.put(line, Text(f"{'':{_INDENT + 2}}{label}", style="dim"), _INDENT + 2 + _PROOF)

    def _how(self, steps: Sequence[Transition]) -> str:
        step = steps[0]
        touch = self._touch(step.evidence_touch_id)
        if step.transition_kind == "re_enter":
            return "back, by this response"
        if step.to_stage == "suspect":
            return "first known"
        if step.to_stage == "disqualified":
            return f"by opt-out ({spoken(touch.touch_type)})" if touch else "all contact records were deleted"
        if step.to_stage == "recycled":
            return self._why_recycled(step)
        mql = next((each for each in steps if each.to_stage == "mql"), None)
        if mql is None:
            return ""
        if mql.mql_route != "score":
            return "by a qualifying response"
        needed = self._person.policy.value("mql_min_score", self._opened_at(mql.cycle_number))
        return f"by the score{f', at least {number(float(needed))}' if needed else ''}"

    def _opened_at(self, cycle: int) -> datetime:
        steps = [step.occurred_at for step in self._person.transitions if step.cycle_number == cycle]
        return steps[0] if steps else self._person.as_of

    def _why_recycled(self, step: Transition) -> str:
        responses = [
            touch.occurred_at
            for touch in self._person.touches
            if touch.is_response
            and touch.cycle_number == step.cycle_number
            and touch.occurred_at < step.occurred_at
        ]
        days = self._person.policy.value("dormancy_days", self._opened_at(step.cycle_number))
        idle = (step.occurred_at - responses[-1]).total_seconds() / 86400 if responses else 0.0
        if not days or idle < float(days):
            return "sales rejected the handoff"
        if idle == float(days):
            return f"no response for {days} days"
        return f"nothing for {days} days after an accepted handoff, or a rejected one"

    def _proof(self, steps: Sequence[Transition]) -> Iterator[tuple[str, Text]]:
        step = steps[-1]
        touch = self._touch(step.evidence_touch_id)
        kind = f"{spoken(touch.touch_type)} of {_moment(touch.occurred_at)}, " if touch else ""
        yield "evidence", Text(f"{kind}{clean(step.evidence_touch_id)}")
        yield "direction", self._direction(step, touch)
        yield "context", self._context(step, touch)
        fit = self._fit(step.icp_version, step.is_icp_complete, step.is_icp_fit)
        if step.engagement_score is not None:
            fit.append(f"; score {number(step.engagement_score)}", style="default")
        yield "ICP", fit
        if touch and touch.is_qualifying_response:
            yield "qualifies", Text(_why_qualifying(touch))
        elif touch and (touch.is_hand_raise or touch.response_relevance) and touch.is_context_complete:
            yield "qualifies", Text(f"not: it {why_not_qualifying(touch)}")

    def _context(self, step: Transition, touch: Touch | None) -> Text:
        text = Text()
        if step.is_context_complete:
            text.append("complete", style="green")
        else:
            text.append(f"incomplete: {lacking_context(step.missing_context_fields)}", style="yellow")
        campaign = clean(step.campaign_name)
        if campaign:
            text.append(f" · {campaign}")
        if touch and touch.context_source == "answered":
            text.append(f", of {clean(touch.answers_touch_id)} that it answers", style="dim")
        elif touch and touch.context_source == "window":
            text.append(", of our last touch on this channel", style="dim")
        return text

    def _direction(self, step: Transition, touch: Touch | None) -> Text:
        direction = step.direction or "unclassified"
        text = Text(direction, style=_COLOURS.get(direction, ""))
        if step.direction_rule_id:
            at = touch.occurred_at if touch else step.occurred_at
            reason = clean(self._person.policy.reason(step.direction_rule_id, at)).rstrip(".")
            text.append(f": {reason}" if reason else "", style="default")
            text.append(f" (rule {clean(step.direction_rule_id)})", style="dim")
            return text
        text.append(": no rule matches", style="default")
        if touch:
            lacking = self._person.policy.undecided_by(_recorded(touch), touch.occurred_at)
            told = joined([spoken(name) for name in lacking], "or")
            text.append(f"; {told} would decide, but is not recorded" if told else "", style="default")
        return text

    def _touch(self, touch_id: str | None) -> Touch | None:
        return next((touch for touch in self._person.touches if touch.touch_id == touch_id), None)

    # -- what is missing -----------------------------------------------------------------------------

    def _missing(self) -> None:
        sheet, now = self._sheet, self._person.standing
        needs = needs_of(self._person)
        sheet.blank()
        if now.next_stage is None and not needs:
            sheet.put(Text("Nothing is missing: there is no further stage.", style="green"))
            return
        stage = STAGE_NAMES.get(now.next_stage or "", "")
        is_out = now.current_stage in _EXITS
        sheet.rule("the way back" if is_out else f"missing for {stage}" if stage else "why in no stage")
        for place, need in enumerate(needs, start=1):
            beginning = f"  {place}  " if len(needs) > 1 else "  "
            sheet.put(Text(need.what[0].upper() + need.what[1:], style="bold"), beginning)
            for sentence in need.mended_by:
                sheet.put(sentence, "", len(beginning))


def _grouped(steps: Sequence[Transition]) -> list[list[Transition]]:
    """Put steps together that one touch proves at one moment."""
    groups: list[list[Transition]] = []
    for step in steps:
        before = groups[-1][-1] if groups else None
        if (
            before is not None
            and step.evidence_touch_id
            and step.evidence_touch_id == before.evidence_touch_id
            and step.occurred_at == before.occurred_at
            and step.to_stage not in _EXITS
        ):
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _recorded(touch: Touch) -> dict[str, str | None]:
    names = ("channel", "touch_type", *_CONTEXT_FIELDS)
    permission = None if touch.has_prior_permission is None else str(touch.has_prior_permission).lower()
    return {**{name: getattr(touch, name) for name in names}, "has_prior_permission": permission}


def _moment(moment: datetime) -> str:
    return f"{moment:%d %b %H:%M}"


def _context_of(touch: Touch) -> str:
    campaign = clean(touch.campaign_name or touch.campaign_id)
    message = clean(touch.message_name)
    return f"{campaign} / {message}" if campaign and message else campaign or message


def _why_qualifying(touch: Touch) -> str:
    if touch.response_relevance == "relevant" and touch.response_intent:
        return f"relevant, and the intent ({clean(touch.response_intent)}) is what its campaign expects"
    return "an inbound hand-raise"


def _collapsed(
    touches: Sequence[Touch], evidence: set[str], steps: Sequence[datetime], scored: dict[str, Scored]
) -> list[Entry]:
    """Put touches that are alike into one entry; evidence and opt-outs stand alone.

    What the company or a system does is gathered between two responses or stages; responses only where they
    follow one another.
    """
    entries: list[Entry] = []
    gathered: dict[tuple[object, ...], Entry] = {}
    boundaries = sorted(steps)
    for touch in touches:
        while boundaries and boundaries[0] <= touch.occurred_at:
            boundaries.pop(0)
            gathered = {}
        if touch.touch_id in evidence or touch.is_opt_out:
            gathered = {}
            entries.append(Entry([touch], scored))
            continue
        kind = _kind(touch)
        if touch.is_response and kind not in gathered:
            gathered = {}
        if kind in gathered:
            gathered[kind].touches.append(touch)
            continue
        entry = Entry([touch], scored)
        entries.append(entry)
        if touch.is_response:
            gathered = {kind: entry}
        else:
            gathered = {key: kept for key, kept in gathered.items() if not kept.touches[0].is_response}
            gathered[kind] = entry
    return entries


def _kind(touch: Touch) -> tuple[object, ...]:
    return (
        touch.touch_type,
        touch.channel,
        touch.direction,
        touch.campaign_id,
        touch.campaign_name,
        touch.message_name,
        touch.response_relevance,
        touch.response_intent,
        touch.occurred_at.year,
    )

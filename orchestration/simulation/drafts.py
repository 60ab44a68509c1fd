"""Touches while they are being thought up: columns of numbers, and what is struck out again.

What people do is decided in ``journeys``; identity keys and texts are added in ``records``.
"""

from dataclasses import dataclass, field

import numpy as np

from orchestration.simulation import vocabulary as words
from orchestration.simulation.clock import Array
from orchestration.simulation.population import NEVER, Population

COMPANY = np.array([kind.actor != "contact" or kind.name.endswith("_open") for kind in words.KINDS])
OPT_OUT_KINDS = np.array([words.KIND[name] for name in words.OPT_OUTS])
FORM_KINDS = np.array([place for place, kind in enumerate(words.KINDS) if kind.keys == "form"])


@dataclass
class Touches:
    """Touches as columns of equal length.

    Args:
        uid: Number within the chunk, unique.
        person: Place of the person in the chunk.
        time: Seconds.
        kind: Place in ``KINDS``.
        campaign: Index of the campaign; -1 for none, -2 for an id that no campaign has.
        parent: ``uid`` of the touch without which this one would not exist; -1 for none.
        answers: Whether the source records the parent as the touch that is answered.
        relevance: Place in ``RELEVANCE``.
        intent: Place in ``INTENTS``.
    """

    uid: Array
    person: Array
    time: Array
    kind: Array
    campaign: Array
    parent: Array
    answers: Array
    relevance: Array
    intent: Array

    def __len__(self) -> int:
        """Count the touches."""
        return len(self.uid)

    def only(self, chosen: Array) -> "Touches":
        """Take some of the touches.

        Args:
            chosen: Mask or places.

        Returns:
            The chosen touches in that order.
        """
        return Touches(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass
class Draft:
    """Collects touches wave by wave.

    Args:
        waves: What has been added.
        count: How many touches have been added.
    """

    waves: list[Touches] = field(default_factory=list)
    count: int = 0

    def add(
        self,
        person: Array,
        time: Array,
        kind: Array | int,
        campaign: Array | int = -1,
        parent: Array | int = -1,
        answers: Array | bool = False,
        relevance: Array | int = 0,
        intent: Array | int = 0,
    ) -> Touches:
        """Add touches; single values count for all of them.

        Args:
            person: Places of the people.
            time: Seconds.
            kind: Places in ``KINDS``.
            campaign: Indices of campaigns.
            parent: ``uid`` of the causes.
            answers: Whether the source records the cause as answered.
            relevance: Places in ``RELEVANCE``.
            intent: Places in ``INTENTS``.

        Returns:
            The touches added.
        """
        size = len(person)

        def column(values: Array | int | bool, dtype: type) -> Array:
            return np.broadcast_to(np.asarray(values), size).astype(dtype)

        wave = Touches(
            np.arange(self.count, self.count + size),
            column(person, np.int64),
            column(time, np.int64),
            column(kind, np.int16),
            column(campaign, np.int32),
            column(parent, np.int64),
            column(answers, np.bool_),
            column(relevance, np.int8),
            column(intent, np.int8),
        )
        self.waves.append(wave)
        self.count += size
        return wave

    def of_kinds(self, *kinds: int, since: int = 0) -> Touches:
        """Find touches of some kinds.

        Args:
            kinds: Places in ``KINDS``.
            since: Number of the first wave to look at.

        Returns:
            The touches in the order of their ``uid``.
        """
        found = Draft([wave.only(np.isin(wave.kind, kinds)) for wave in self.waves[since:]])
        return found.gathered() if found.waves else Draft().add(np.zeros(0), np.zeros(0), 0)

    def gathered(self) -> Touches:
        """Put all waves together.

        Returns:
            All touches in the order of their ``uid``.
        """
        names = Touches.__dataclass_fields__
        return Touches(*(np.concatenate([getattr(wave, name) for wave in self.waves]) for name in names))


def struck(touches: Touches, population: Population, start: int, end: int) -> Touches:
    """Strike out what could not have happened.

    That is: anything outside the world's time; whatever the company would have done before it knew a
    person, after an opt-out, or after the records were deleted; and everything that followed from those.

    Args:
        touches: All touches, in the order of their ``uid``.
        population: The people.
        start: First second of the world.
        end: Last second of the world.

    Returns:
        The touches that remain, ordered by time.
    """
    kept = (touches.time >= start) & (touches.time <= end)
    by_company = COMPANY[touches.kind]
    personal = by_company & (touches.parent < 0)
    kept &= ~personal | (touches.time >= population.born_at[touches.person])
    kept &= ~by_company | (touches.time < population.deleted_at[touches.person])
    refused = np.isin(touches.kind, OPT_OUT_KINDS)
    children = np.flatnonzero(touches.parent >= 0)
    while True:
        kept[children] &= kept[touches.parent[children]]
        opted_out = np.full(population.size_total, NEVER)
        said_no = refused & kept
        np.minimum.at(opted_out, touches.person[said_no], touches.time[said_no])
        late = by_company & kept & (touches.time >= opted_out[touches.person])
        # A second refusal says nothing new.
        late |= said_no & (touches.time > opted_out[touches.person])
        if not late.any() and not (kept[children] & ~kept[touches.parent[children]]).any():
            break
        kept &= ~late
    places = np.flatnonzero(kept)
    return touches.only(places[np.lexsort((touches.uid[places], touches.time[places]))])

"""The sequences once more, through the real job: real kills, rollbacks, candidates, and what readers see.

What holds after each build is the same as for the compiled models; besides, readers see a whole release at
any time, as it was when it was published. The kills themselves belong to ``kills``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import ClassVar

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from tests.proof import events
from tests.proof.agreement import differing_rows
from tests.proof.events import Event
from tests.proof.job import JobWarehouse
from tests.proof.kills import Kill, kills
from tests.proof.machine import OF_EACH_BUILD, STEPS, FunnelMachine
from tests.proof.moments import moments
from tests.proof.policy import EDITS
from tests.proof.shop import Shop
from tests.proof.warehouse import Marts

_ALL_IN_THE_RELEASE = 5_000_000
# A build takes most of a minute, what is told between two costs nothing.
_BUILDING_STEPS = 2
_has_time = precondition(lambda self: self.building_steps < _BUILDING_STEPS)


class JobMachine(FunnelMachine):
    """One warehouse of the real job. A subclass says in which shop.

    Attributes:
        shop: Where its commands run.
        failures: What broke a promise. No sequence is begun after it: Hypothesis would want to see it fail
            again, and a kill never comes at quite the same moment.
    """

    shop: Shop
    failures: ClassVar[list[Exception]] = []
    warehouse: JobWarehouse

    def open_warehouse(self) -> JobWarehouse:
        return JobWarehouse(self.compiled, self.folder, self.shop, self.tally)

    @initialize(
        lives=st.lists(events.lives(), min_size=6, max_size=16),
        day=st.sampled_from((None, "2025-01-01")),
        policy=st.dictionaries(st.integers(0, len(EDITS) - 1), moments(), max_size=4),
        shared_from=st.sampled_from((_ALL_IN_THE_RELEASE, 20)),
        kill_at_first=st.one_of(st.none(), kills()),
        kill_at_last=kills(),
        is_refreshed=st.sampled_from((False, False, True)),
        number=st.integers(0, 2**32),
    )
    def begin(
        self,
        lives: list[list[Event]],
        day: str | None,
        policy: dict[int, datetime],
        shared_from: int,
        kill_at_first: Kill | None,
        kill_at_last: Kill,
        is_refreshed: bool,
        number: int,
    ) -> None:
        # The first sequence that Hypothesis tries is always the plainest one, whatever the seed.
        self.is_holding = False
        assume(number and not self.failures)
        self.is_holding = True
        self.kill_at_first, self.kill_at_last = kill_at_first, kill_at_last
        self.is_refreshed = is_refreshed
        self.building_steps = 0
        self.warehouse.share_from(shared_from)
        self.tally["sequences with files that releases share"] += shared_from < _ALL_IN_THE_RELEASE
        super().begin(lives, day, policy)

    @rule(life=events.lives())
    def act(self, life: list[Event]) -> None:
        self._happen(life)
        self._deliver("everything", is_csv=len(life) % 2 == 0)

    @_has_time
    @rule(step=st.sampled_from(STEPS), is_csv=st.booleans())
    def deliver_wait_and_build(self, step: timedelta, is_csv: bool) -> None:
        self.building_steps += 1
        super().deliver_wait_and_build(step, is_csv)

    @_has_time
    @precondition(lambda self: self.is_changed)
    @rule(is_repeated=st.sampled_from((False, False, True)))
    def build(self, is_repeated: bool) -> None:
        self.building_steps += 1
        with self._promised():
            super().build(is_repeated)

    @_has_time
    @rule(kill=kills(), is_run_again_at_once=st.booleans())
    def build_is_killed(self, kill: Kill, is_run_again_at_once: bool) -> None:
        self.building_steps += 1
        self._build_killed(kill, is_run_again_at_once)

    @precondition(lambda self: self.warehouse.can_roll_back)
    @rule(number=st.integers(0, 3))
    def roll_back(self, number: int) -> None:
        with self._promised():
            self.warehouse.roll_back(number)
            self._look()
        self.is_changed = True

    @_has_time
    @precondition(lambda self: self.is_changed)
    @rule()
    def look_at_a_candidate(self) -> None:
        """Readers see nothing of it; the next build goes on from it."""
        self.building_steps += 1
        is_continued = self.warehouse.is_built
        with self._promised():
            self.warehouse.build(self.as_of, "--candidate")
            self._look()
            self._examine(is_continued)
        self.is_changed = True

    def teardown(self) -> None:
        try:
            if self.is_holding:
                self._end()
        finally:
            self.is_holding = False
            super().teardown()

    # -- helpers ----------------------------------------------------------------------------------

    def _end(self) -> None:
        if not self.building_steps:
            self._deliver("the first half", is_csv=True)
            self._build()
        self._deliver("everything", is_csv=False)
        self._build_killed(self.kill_at_last, is_run_again_at_once=False)
        marts = self._build()
        if self.is_refreshed:
            with self._promised():
                refreshed = self.warehouse.refreshed_marts()
                found = differing_rows(refreshed, marts, ignored=OF_EACH_BUILD)
                self._hold(found, "a full refresh by the job")
        self.tally["sequences"] += 1

    def _build_killed(self, kill: Kill, is_run_again_at_once: bool) -> None:
        is_continued = self.warehouse.is_built
        with self._promised():
            has_ended = self.warehouse.build_killed(self.as_of, kill)
            self._look()
            if has_ended:
                self._examine(is_continued)
            elif is_run_again_at_once:
                # What the killed build has left running may still hold the database.
                self.tally["builds run again at once"] += 1
                self._build()
            else:
                self.warehouse.wait_for_orphans()
                self.warehouse.follow_killed_load()

    def _build(self) -> Marts:
        kill, self.kill_at_first = self.kill_at_first, None
        if kill is not None:
            self._build_killed(kill, is_run_again_at_once=False)
        with self._promised():
            marts = super()._build()
            self._look()
        return marts

    @contextmanager
    def _promised(self) -> Iterator[None]:
        """Note what breaks a promise inside, so that the sequence ends there."""
        try:
            yield
        except Exception as error:
            self.is_holding = False
            self.failures.append(error)
            raise

    def _look(self) -> None:
        self._hold(self.warehouse.differences_for_readers(), "what was published")

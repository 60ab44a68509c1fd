"""Publication by routes that no audit has taken: records, candidates, seals and tokens that were forged.

Each forgery is made of a small candidate (``tests/fixtures/release_world.py``) that may be published as it
is, which controls show in between. What forgeries there are belongs to ``forgeries``.
"""

import random
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from orchestration.digests import sha256_of
from orchestration.errors import LeadproofError
from orchestration.release import publication
from orchestration.release.files import remove_tree
from orchestration.release.locks import publication_lock
from orchestration.settings import Settings
from tests.fixtures.release_world import (
    generation_of,
    leftovers_of,
    make_candidate,
    make_settings,
    publish_candidate,
)
from tests.proof.forgeries import FORGERIES, Attempt, good_record_of

_BETWEEN_CONTROLS = 10
_KEPT_RELEASES = 3


def prove_routes(place: Path, count: int, seed: int) -> Counter[str]:
    """Try to publish what was forged, each time in another way.

    Args:
        place: Empty folder.
        count: How many forgeries.
        seed: Of the forgeries: which one comes when, of which field, byte, table or result.

    Returns:
        What was refused, by kind, and how many untouched candidates were published in between.

    Raises:
        AssertionError: If a forgery was published or changed a byte of what readers see, if the refusal is
            not one sentence, or if a candidate that nobody has touched was refused.
    """
    drawn = random.Random(seed)
    tally: Counter[str] = Counter()
    worlds = {
        is_shared: _World(make_settings(place / name, keep_releases=_KEPT_RELEASES, shared_from_rows=rows))
        for is_shared, name, rows in ((False, "whole", 5_000_000), (True, "shared", 100))
    }
    waiting: list[str] = []
    for attempt in range(count):
        if not waiting:
            waiting = drawn.sample(sorted(FORGERIES), len(FORGERIES))
        name = waiting.pop()
        forgery = FORGERIES[name]
        world = worlds[forgery.needs_shared_files or drawn.random() < 0.5]
        world.refuses(name, drawn)
        tally["routes"] += 1
        tally[f"refused: {name}"] += 1
        if attempt % _BETWEEN_CONTROLS == 0:
            for each in worlds.values():
                each.publishes_the_untouched()
                tally["untouched candidates published in between"] += 1
    return tally


@dataclass
class _World:
    """A warehouse with a release and a candidate that may be published, and a copy to go back to."""

    settings: Settings
    number: int = 1
    good: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
        candidate = make_candidate(self.settings, self.number)
        self.good = good_record_of(candidate)
        publish_candidate(self.settings, self.number)
        self._offer_next()

    def refuses(self, name: str, drawn: random.Random) -> None:
        """Forge, try to publish, compare, and go back."""
        attempt = Attempt(self.settings, self.number, drawn, self.good)
        FORGERIES[name].forge(attempt)
        before = _seen(self.settings)
        with patch.object(publication, "publication_lock", attempt.forging_late(publication_lock)):
            try:
                publish_candidate(self.settings, self.number, **attempt.arguments)
            except LeadproofError as refusal:
                told = refusal.message
                assert told.endswith(".") and "\n" not in told and ". " not in told, f"{name}: {told}"
                assert refusal.hint, f"{name}: {told}"
            else:
                raise AssertionError(f"{name}: a forgery was published ({attempt.told})")
        after = _seen(self.settings)
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        assert changed == [], f"{name}: readers see something else: {changed}"
        self._go_back()

    def publishes_the_untouched(self) -> None:
        """Publish the candidate that every forgery was made of, and offer another."""
        publish_candidate(self.settings, self.number)
        assert generation_of(self.settings.current / "leadproof.duckdb") == {self.number}
        assert leftovers_of(self.settings) == []
        self._offer_next()

    @property
    def _kept(self) -> Path:
        return self.settings.warehouse.with_name("kept")

    def _offer_next(self) -> None:
        self.number += 1
        make_candidate(self.settings, self.number)
        _copy(self.settings.warehouse, self._kept)

    def _go_back(self) -> None:
        _copy(self._kept, self.settings.warehouse)


def _copy(source: Path, target: Path) -> None:
    """Copy a warehouse; what releases and candidates share stays one file."""
    remove_tree(target)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def _seen(settings: Settings) -> dict[str, str]:
    """The pointer, the releases, and each of their bytes and of the contacts'."""
    seen = {"current": str(settings.current.readlink())}
    for path in (*settings.releases.rglob("*"), *settings.restricted.rglob("*")):
        # Files that wait to be shared are none that readers see before a release holds them.
        if not path.is_relative_to(settings.shared):
            seen[str(path.relative_to(settings.warehouse))] = sha256_of(path) if path.is_file() else "folder"
    return seen

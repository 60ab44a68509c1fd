"""A project copy in which the real job runs, command by command, in processes that can be killed.

What is built there, and when it is killed, does not belong here.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.settings import Settings
from tests.integration.workshop import CommandServer, Workshop, make_workshop
from tests.proof.kills import USUAL_SECONDS
from tests.proof.processes import end_session, is_alive

_PATIENCE_SECONDS = 600
_POLL_SECONDS = 0.05
_NO_TELEMETRY = {"DAGSTER_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "GX_ANALYTICS_ENABLED": "false"}


@dataclass
class Shop:
    """A project copy, and a process in it that runs commands one after the other.

    Args:
        workshop: The copy.
        usual_seconds: How long each phase of a build took of late.
    """

    workshop: Workshop
    usual_seconds: dict[str, float] = field(default_factory=lambda: dict(USUAL_SECONDS))
    _server: CommandServer = field(init=False)
    _process: int = 0

    def __post_init__(self) -> None:
        self._server = CommandServer(self.workshop.root, self.workshop.environment() | _NO_TELEMETRY)

    def close(self) -> None:
        """End the process."""
        self._server.close()

    def start(self, settings: Settings, output: Path, *words: str) -> int:
        """Start a command and return its process id while it runs.

        Args:
            settings: Of which warehouse.
            output: Gets what it prints.
            words: What follows `leadproof`.
        """
        return self._order({"words": words}, settings, output)

    def start_code(self, settings: Settings, output: Path, code: str) -> int:
        """Start a piece of Python likewise.

        Args:
            settings: Of which warehouse.
            output: Gets what it prints.
            code: The piece.
        """
        return self._order({"code": code}, settings, output)

    def _order(self, order: Mapping[str, Any], settings: Settings, output: Path) -> int:
        environment = {
            "LEADPROOF_LANDING": str(settings.landing),
            "LEADPROOF_WAREHOUSE": str(settings.warehouse),
            "LEADPROOF_SOURCE_SYSTEMS": ",".join(settings.source_systems),
            "LEADPROOF_KEEP_RELEASES": str(settings.keep_releases),
            "LEADPROOF_SHARED_FROM_ROWS": str(settings.shared_from_rows),
            "LEADPROOF_STALE_AFTER_HOURS": str(settings.stale_after_hours),
            "LEADPROOF_MEMORY_LIMIT": settings.memory_limit,
            "DAGSTER_HOME": str(settings.dagster_home),
            "LEADPROOF_ID_SALT": settings.id_salt,
            "LEADPROOF_SUPPRESSION_KEY": settings.suppression_key,
            "LEADPROOF_NOTIFY_WEBHOOK": settings.notify.webhook or "",
            "LEADPROOF_NOTIFY_SMTP": settings.notify.smtp or "",
            "LEADPROOF_NOTIFY_FROM": settings.notify.mail_from,
            "LEADPROOF_NOTIFY_TO": ",".join(settings.notify.mail_to),
        }
        output.unlink(missing_ok=True)
        self._process = self._server.start(order, environment, output, output)
        return self._process

    def exit_code(self) -> int:
        """Wait for the command that was started last, and say how it ended; a signal is negative."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while is_alive(self._process):
            if time.monotonic() > deadline:
                end_session(self._process)
            time.sleep(_POLL_SECONDS)
        return self._server.exit_code()


@contextmanager
def opened_shop(root: Path) -> Iterator[Shop]:
    """Copy the project below an empty folder, and keep a process ready in it."""
    (root / "no_files").mkdir(parents=True)
    shop = Shop(make_workshop(root / "shop", root / "no_files"))
    try:
        yield shop
    finally:
        shop.close()

"""A copy of the project in which a test may edit policy, with a warehouse of its own.

Runs the command line as people do, in processes of its own, or in forks of one that has imported the
libraries. What a test expects does not belong here.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestration.settings import PROJECT_ROOT

_COPIED = ("orchestration", "expectations", "models", "seeds", "dbt_project")
_SERVER = PROJECT_ROOT / "tests" / "integration" / "command_server.py"
_TIMEOUT_SECONDS = 400


class CommandServer:
    """A process in a project copy that runs commands, one after the other, in forks of itself.

    Args:
        root: The copy.
        environment: Its environment.
    """

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_SERVER)],
            cwd=root,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self, order: Mapping[str, Any], environment: Mapping[str, str], output: Path, errors: Path
    ) -> int:
        """Start a command and return its process id while it runs.

        Args:
            order: Its ``words``, or a piece of Python as ``code``.
            environment: What differs from that of this process.
            output: Gets what it prints.
            errors: Gets what it prints as errors.
        """
        assert self._process.stdin is not None
        said = {**order, "environment": dict(environment), "output": str(output), "errors": str(errors)}
        print(json.dumps(said), file=self._process.stdin, flush=True)
        return int(self._answer())

    def exit_code(self) -> int:
        """Wait for the command that was started last, and say how it ended; a signal is negative."""
        return int(self._answer())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=_TIMEOUT_SECONDS)

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@dataclass(frozen=True)
class Workshop:
    """A project copy.

    Args:
        root: The copy's root folder.
        landing: Its landing folder.
        warehouse: Its warehouse.
        dagster_home: Dagster's storage.
        memory_limit: What its commands may use.
        server: Runs its commands, where they need no process of their own from its start.
    """

    root: Path
    landing: Path
    warehouse: Path
    dagster_home: Path
    memory_limit: str = "2GB"
    server: CommandServer | None = None

    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("LEADPROOF_", "DBT_"))
        }
        return {
            **kept,
            "PYTHONPATH": str(self.root),
            "LEADPROOF_LANDING": str(self.landing),
            "LEADPROOF_WAREHOUSE": str(self.warehouse),
            "LEADPROOF_SOURCE_SYSTEMS": "leadproof",
            "LEADPROOF_MEMORY_LIMIT": self.memory_limit,
            "DAGSTER_HOME": str(self.dagster_home),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start ``leadproof`` and return while it runs."""
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", *words],
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def leadproof(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``leadproof`` to its end."""
        if self.server is not None:
            return self._forked({"words": words})
        process = self.start(*words)
        stdout, stderr = process.communicate(timeout=_TIMEOUT_SECONDS)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def python(self, code: str) -> Any:
        """Run a piece of Python in the copy's environment and return what it prints as JSON."""
        if self.server is not None:
            done = self._forked({"code": code})
        else:
            done = subprocess.run(
                [sys.executable, "-c", code],
                cwd=self.root,
                env=self.environment(),
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])

    def _forked(self, order: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        assert self.server is not None
        with tempfile.TemporaryDirectory() as folder:
            output, errors = Path(folder) / "output", Path(folder) / "errors"
            self.server.start(order, self.environment(), output, errors)
            code = self.server.exit_code()
            return subprocess.CompletedProcess([], code, output.read_text(), errors.read_text())

    def records(self) -> list[dict[str, Any]]:
        """The records of all builds, oldest first."""
        folder = self.warehouse / "state" / "builds"
        return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]

    def current(self) -> str | None:
        """The release that readers see."""
        pointer = self.warehouse / "current"
        return pointer.readlink().name if pointer.is_symlink() else None


def make_workshop(root: Path, landing: Path) -> Workshop:
    """Copy the project without what was built from it.

    Args:
        root: Empty folder.
        landing: Landing files to copy in.

    Returns:
        The copy.
    """
    project = root / "project"
    project.mkdir(parents=True)
    for name in _COPIED:
        shutil.copytree(PROJECT_ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT_ROOT / "dbt_project.yml", project / "dbt_project.yml")
    shutil.copytree(landing, root / "landing")
    return Workshop(project, root / "landing", root / "warehouse", root / "dagster")


@contextmanager
def with_server(workshop: Workshop) -> Iterator[Workshop]:
    """Let a project copy run its commands in forks of one process.

    Args:
        workshop: The copy.
    """
    server = CommandServer(workshop.root, workshop.environment())
    try:
        yield replace(workshop, server=server)
    finally:
        server.close()

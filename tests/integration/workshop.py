"""A copy of the project in which a test may edit policy, with a warehouse of its own.

Runs the command line as people do, in processes of its own. What a test expects does not belong here.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.settings import PROJECT_ROOT

_COPIED = ("orchestration", "expectations", "models", "seeds", "dbt_project")
_TIMEOUT_SECONDS = 400


@dataclass(frozen=True)
class Workshop:
    """A project copy.

    Args:
        root: The copy's root folder.
        landing: Its landing folder.
        warehouse: Its warehouse.
        dagster_home: Dagster's storage.
        memory_limit: What its commands may use.
    """

    root: Path
    landing: Path
    warehouse: Path
    dagster_home: Path
    memory_limit: str = "2GB"

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
        process = self.start(*words)
        stdout, stderr = process.communicate(timeout=_TIMEOUT_SECONDS)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def python(self, code: str) -> Any:
        """Run a piece of Python in the copy's environment and return what it prints as JSON."""
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

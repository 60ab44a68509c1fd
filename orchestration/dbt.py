"""dbt as this project calls it: where its manifest lies, when it is stale, which arguments it gets.

Knows no Dagster. What the models mean belongs to ``models/``.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from orchestration.errors import LeadproofError
from orchestration.settings import PROJECT_ROOT, Settings

_SEEDS = "seeds/_seeds.yml"
_INPUTS = ("models", "seeds", "dbt_project")
_STAMP = "leadproof_parsed.sha256"
_TOLD_CHARACTERS = 400

AUDITED_TESTS = "path:models/marts,resource_type:test"
"""dbt's tests of what is published. A build leaves them to the audit, which asks the same of the very bytes
that are published; ``dbt build`` by hand and ``make test`` run them."""


def dbt_executable(name: str = "dbt") -> str:
    """Return dbt of the environment this process runs in, whatever the shell's PATH says.

    Args:
        name: ``dbt``, or ``leadproof-dbt``, which ends with the build that starts it.

    Returns:
        The program's path.
    """
    return str(Path(sys.executable).parent / name)


def target_path(root: Path = PROJECT_ROOT) -> Path:
    """Return dbt's target folder: ``$DBT_TARGET_PATH`` or ``target/``, absolute."""
    return root / os.environ.get("DBT_TARGET_PATH", "target")


def manifest_path(root: Path = PROJECT_ROOT) -> Path:
    """Return the manifest that Dagster's assets are made from."""
    return target_path(root) / "manifest.json"


def vars_args(source_systems: Sequence[str], is_overridden: bool) -> list[str]:
    """Return ``--vars`` only where the environment overrides the project file.

    Args:
        source_systems: Source systems that are on.
        is_overridden: Whether they come from the environment. Variables on the command line are
            part of dbt's partial-parse key, so nothing that changes from build to build goes there.
    """
    return ["--vars", json.dumps({"source_systems": list(source_systems)})] if is_overridden else []


def dbt_args(
    command: str,
    settings: Settings,
    *,
    full_refresh: bool = False,
    models_at_once: int | None = None,
    is_overridden: bool | None = None,
) -> list[str]:
    """Compose the arguments of a dbt command. Pure apart from one look at the environment.

    Args:
        command: ``build`` or ``parse``.
        settings: Source systems and threads.
        full_refresh: Rebuild incremental models from nothing.
        models_at_once: How many models dbt runs at a time; None takes the settings' threads.
        is_overridden: Whether the source systems come from the environment; None looks.

    Returns:
        The arguments after ``dbt``.
    """
    if is_overridden is None:
        is_overridden = "LEADPROOF_SOURCE_SYSTEMS" in os.environ
    args = [command, *vars_args(settings.source_systems, is_overridden)]
    if command == "build":
        # Unit tests prove the code, not the data: they belong to `make test`.
        args += ["--exclude-resource-type", "unit_test", "--threads", str(models_at_once or settings.threads)]
        if full_refresh:
            args.append("--full-refresh")
    return args


def project_fingerprint(settings: Settings, root: Path = PROJECT_ROOT) -> str:
    """Digest everything the manifest depends on, by name, size and modification time; seeds by name only.

    Args:
        settings: Source systems are part of the manifest.
        root: The project's root folder.

    Returns:
        A hexadecimal digest that changes when a file is edited, added, renamed or deleted.
    """
    digest = hashlib.sha256(json.dumps([str(root), list(settings.source_systems)]).encode())
    paths = [root / "dbt_project.yml"]
    for folder in _INPUTS:
        paths += [path for path in (root / folder).rglob("*") if path.is_file()]
    for path in sorted(paths):
        # What a policy table holds is read when it is loaded; only its name is in the manifest.
        stat = None if path.suffix == ".csv" else path.stat()
        version = f"{stat.st_size}\0{stat.st_mtime_ns}" if stat else ""
        digest.update(f"{path.relative_to(root)}\0{version}\n".encode())
    return digest.hexdigest()


def is_manifest_stale(settings: Settings, root: Path = PROJECT_ROOT) -> bool:
    """Say whether the manifest is missing or was made from other files or source systems."""
    stamp = target_path(root) / _STAMP
    return (
        not manifest_path(root).exists()
        or not stamp.exists()
        or stamp.read_text(encoding="utf-8") != project_fingerprint(settings, root)
    )


def ensure_manifest(settings: Settings, root: Path = PROJECT_ROOT) -> Path:
    """Parse the dbt project if its manifest is stale.

    Without a policy table dbt cannot read the models that use it, and would say so in its own words. Then the
    manifest stays as it is: every build checks the policy tables first, and fails with a record and a report.

    Args:
        settings: Source systems that are on.
        root: The project's root folder.

    Returns:
        The manifest's path.

    Raises:
        LeadproofError: If dbt cannot parse the project, or a policy table is missing before it ever did.
    """
    target = target_path(root)
    if not is_manifest_stale(settings, root):
        return manifest_path(root)
    missing = missing_seeds(root)
    if missing:
        if manifest_path(root).exists():
            return manifest_path(root)
        is_one = len(missing) == 1
        raise LeadproofError(
            f"{' and '.join(missing)} {'is' if is_one else 'are'} missing.",
            f"Put {'it' if is_one else 'them'} back from version control.",
        )
    target.mkdir(parents=True, exist_ok=True)
    with (target / "leadproof_parse.lock").open("w") as lock:
        # The code server, the daemon and the command line may all start at once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_manifest_stale(settings, root):
            fingerprint = project_fingerprint(settings, root)
            _parse(settings, root)
            (target / _STAMP).write_text(fingerprint, encoding="utf-8")
    return manifest_path(root)


def missing_seeds(root: Path = PROJECT_ROOT) -> list[str]:
    """Name the policy tables that are declared but not there.

    Args:
        root: The project's root folder.

    Returns:
        Their paths from the root, in order.
    """
    declaration = root / _SEEDS
    declared = yaml.safe_load(declaration.read_text(encoding="utf-8")) if declaration.exists() else None
    names = [str(seed["name"]) for seed in (declared or {}).get("seeds", [])]
    paths = (declaration.with_name(f"{name}.csv") for name in names)
    return sorted(path.relative_to(root).as_posix() for path in paths if not path.exists())


def mart_names(root: Path = PROJECT_ROOT) -> list[str]:
    """Return the names of the published tables: every model of schema ``marts``.

    Args:
        root: The project's root folder.

    Returns:
        Table names in order.
    """
    manifest = json.loads(manifest_path(root).read_text(encoding="utf-8"))
    return sorted(
        node["alias"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "marts"
    )


def month_columns(root: Path = PROJECT_ROOT) -> dict[str, str]:
    """Return which published tables may be published by month: ``meta: {published_by: <column>}``.

    Args:
        root: The project's root folder.

    Returns:
        By table name, the column that says to which month a row belongs.

    Raises:
        LeadproofError: If a table names a column that it does not declare.
    """
    manifest = json.loads(manifest_path(root).read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model" or node["schema"] != "marts":
            continue
        column = node["config"].get("meta", {}).get("published_by")
        if column is None:
            continue
        if column not in node["columns"]:
            raise LeadproofError(
                f"Model {node['name']} is published by {column}, which is none of its columns.",
                "Name a column of it under meta: published_by, or take that line out.",
            )
        found[node["alias"]] = str(column)
    return found


def _parse(settings: Settings, root: Path) -> None:
    done = subprocess.run(
        [dbt_executable(), "--no-use-colors", *dbt_args("parse", settings)],
        cwd=root,
        env={
            **os.environ,
            "DBT_PROFILES_DIR": str(root / "dbt_project"),
            "DBT_TARGET_PATH": str(target_path(root)),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        cause = _told_by_dbt(done.stdout)
        raise LeadproofError(
            f"dbt cannot read the project: {cause}",
            "Run `dbt parse` in the project's root for the whole message.",
        )


def _told_by_dbt(output: str) -> str:
    """Pick the sentence from what dbt printed: the lines that follow the word Error."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    start = next((number for number, line in enumerate(lines) if line.endswith("Error")), -1)
    told = " ".join(lines[start + 1 :] if start >= 0 else lines[-2:])
    return told[:_TOLD_CHARACTERS].rstrip(".") + "." if told else "it printed nothing."


def tables_noting_months(root: Path = PROJECT_ROOT) -> set[str]:
    """Return the published tables whose models note which months they change: those that are ``compared``.

    Args:
        root: The project's root folder.

    Returns:
        Table names.
    """
    manifest = json.loads(manifest_path(root).read_text(encoding="utf-8"))
    return {
        node["alias"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        and node["schema"] == "marts"
        and {"compared", "published_by"} <= node["config"].get("meta", {}).keys()
    }

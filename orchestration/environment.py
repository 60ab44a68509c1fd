"""What a process must have in its environment before Dagster or dbt is imported.

The command line, Dagster's code server and ``make setup`` all come through here, so that the three
see one ``DAGSTER_HOME``, one warehouse and no telemetry. Reading settings does not belong here but in
``settings.py``; neither does anything that needs Dagster.
"""

import contextlib
import os
import sys
from pathlib import Path

from dotenv import dotenv_values

from orchestration.errors import LeadproofError
from orchestration.private_files import close_to_others
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

ENV_FILE = ".env"
_TELEMETRY_OFF = {
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
}
_INSTANCE_FILE = Path(__file__).with_name("dagster.yaml")


def load_env_file(root: Path = PROJECT_ROOT) -> None:
    """Read ``.env`` from the root, as ``dagster dev`` does; what the shell has set wins.

    Args:
        root: The project's root folder.
    """
    for name, value in dotenv_values(root / ENV_FILE).items():
        if value is not None:
            os.environ.setdefault(name, value)


def prepare_environment(settings: Settings) -> None:
    """Hand the settings to the libraries and programs that only know environment variables.

    Args:
        settings: Where things lie; their paths are passed on absolute, because dbt and Dagster's
            workers may start from other folders.

    Raises:
        LeadproofError: If the folder of Dagster's storage cannot be written.
    """
    os.environ.update(_TELEMETRY_OFF)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ["LEADPROOF_LANDING"] = str(settings.landing)
    os.environ["LEADPROOF_WAREHOUSE"] = str(settings.warehouse)
    os.environ["LEADPROOF_MEMORY_LIMIT"] = settings.memory_limit
    os.environ["LEADPROOF_THREADS"] = str(settings.threads)
    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    _prepare_dagster_home(settings.dagster_home)


def write_env_file(root: Path = PROJECT_ROOT) -> Path:
    """Write the lines that let plain ``dagster dev`` find the command line's ``DAGSTER_HOME``.

    ``dagster dev`` reads ``.env`` from the working directory, and its values win over the shell's;
    the ``${DAGSTER_HOME:-…}`` form lets the shell win, as it does on the command line.

    Args:
        root: The project's root folder.

    Returns:
        The file. Lines that others wrote into it stay.
    """
    path = root / ENV_FILE
    managed = {
        "DAGSTER_HOME": f"DAGSTER_HOME=${{DAGSTER_HOME:-{root / '.dagster'}}}",
        "DAGSTER_DISABLE_TELEMETRY": "DAGSTER_DISABLE_TELEMETRY=1",
    }
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.split("=", 1)[0].strip() for line in lines]
    if "DAGSTER_HOME" in names:
        # The folder may have been moved since: our own default follows it, a foreign value stays.
        lines = [managed["DAGSTER_HOME"] if _is_own_default(line) else line for line in lines]
    lines += [text for name, text in managed.items() if name not in names]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def _is_own_default(line: str) -> bool:
    return line.startswith("DAGSTER_HOME=${DAGSTER_HOME:-") and line.endswith("/.dagster}")


def _prepare_dagster_home(home: Path) -> None:
    instance_file = home / "dagster.yaml"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # somebody else's, who decides about it
            close_to_others(home)
        if instance_file.is_symlink() and not instance_file.exists():
            instance_file.unlink()
        if not instance_file.exists():
            instance_file.symlink_to(_INSTANCE_FILE)
    except OSError as error:
        raise LeadproofError(
            f"Dagster's folder {home} cannot be written ({error.strerror}).",
            "Give another one in DAGSTER_HOME, or correct its permissions.",
        ) from error


def main() -> None:
    """Prepare a fresh checkout: ``.env``, Dagster's folder, the build database's folder, dbt's manifest."""
    from orchestration.dbt import ensure_manifest

    write_env_file()
    load_env_file()
    settings = load_settings()
    prepare_environment(settings)
    settings.build_db.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    ensure_manifest(settings)


if __name__ == "__main__":
    main()

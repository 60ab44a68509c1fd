"""``leadproof dev``: Dagster's UI and daemon on this machine, with the command line's runs."""

import argparse
import os
import socket
import sys

from orchestration.commands.console import out, working
from orchestration.dbt import ensure_manifest
from orchestration.environment import load_env_file, prepare_environment
from orchestration.errors import LeadproofError
from orchestration.settings import PROJECT_ROOT, load_settings

_HOST = "127.0.0.1"


def run(options: argparse.Namespace) -> int:
    """Become ``dagster dev``.

    Args:
        options: ``port``.

    Returns:
        Never, unless the port is taken.

    Raises:
        LeadproofError: If the port is taken.
    """
    load_env_file()
    settings = load_settings()
    prepare_environment(settings)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, options.port))
        except OSError as error:
            raise LeadproofError(
                f"Port {options.port} is taken.", "Choose another: leadproof dev --port 3001."
            ) from error
    with working("Reading the dbt project"):
        ensure_manifest(settings)
    out.print(f"Dagster's UI: http://{_HOST}:{options.port} (Ctrl-C ends it)", markup=False)
    sys.stdout.flush()
    os.chdir(PROJECT_ROOT)
    os.execv(
        sys.executable,
        [sys.executable, "-m", "dagster", "dev", "--host", _HOST, "--port", str(options.port)],
    )

"""What importing the package costs and keeps out."""

import subprocess
import sys

from orchestration.settings import PROJECT_ROOT

_HEAVY = ("great_expectations", "duckdb", "pandas", "pyarrow", "sqlalchemy", "dagster")


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_ROOT, check=True
    )
    return done.stdout.strip()


def test_import_is_cheap():
    loaded = _run(f"import expectations, sys; print([name for name in {_HEAVY} if name in sys.modules])")

    assert loaded == "[]"


def test_warm_up_switches_telemetry_off_in_a_thread_and_knows_no_dagster():
    said = _run(
        "import os; os.environ['GX_ANALYTICS_ENABLED'] = 'true'\n"
        "import expectations, sys, threading\n"
        "thread = threading.Thread(target=expectations.warm_up); thread.start(); thread.join()\n"
        "loaded = [name in sys.modules for name in ('great_expectations', 'posthog', 'dagster')]\n"
        "print(os.environ['GX_ANALYTICS_ENABLED'], loaded)"
    )

    assert said == "false [True, False, False]"

"""dbt as a build starts it: it ends with the build.

A build that is killed can end nothing itself, and its dbt would write on into the database that the next
build opens. Started by hand, dbt needs none of this.
"""

import os
import sys
import threading
import time

PARENT = "LEADPROOF_DBT_PARENT"
"""Environment variable with the process id of the build that starts dbt."""
_LOOK_SECONDS = 0.2
_ENDED_WITH_PARENT = 75


def end_with(parent: int) -> None:
    """End this process, whatever it does, soon after its parent has ended.

    Not by the kernel's death signal: that follows the thread that started the child, not the process, and
    only Linux has it. DuckDB undoes what was not committed.

    Args:
        parent: The parent's process id.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os._exit(_ENDED_WITH_PARENT)

    threading.Thread(target=watch, name="end_with_parent", daemon=True).start()


def main() -> None:
    """Run dbt's command line, and end with the process that is named in the environment, if one is."""
    parent = os.environ.get(PARENT)
    if parent:
        end_with(int(parent))
    from dbt.cli.main import cli

    sys.exit(cli())

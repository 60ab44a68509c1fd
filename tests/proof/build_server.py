"""Runs `leadproof` commands in forks of a process that has imported the libraries, which saves their start.

Started by ``shop`` with a project copy as its working folder. Each line on standard input is an order in
JSON: the ``words`` of the command, what is added to the ``environment``, and the file that gets what it
prints as ``output``. It answers with the process id at once, and with the exit code when that process has
ended. What a command does is its own affair; nothing of the project is imported before the fork.
"""

import json
import os
import signal
import sys
from typing import Any

import dagster  # noqa: F401
import dagster_dbt  # noqa: F401
import great_expectations  # noqa: F401


def main() -> None:
    """Serve until standard input ends."""
    for line in sys.stdin:
        order = json.loads(line)
        process = os.fork()
        if process == 0:
            _run(order)
        print(process, flush=True)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(order: dict[str, Any]) -> None:
    # A session of its own, so that what the command starts can be killed with it, or be left to live on.
    os.setsid()
    # One that was started in the background would leave Ctrl-C unheard.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.environ.update(order["environment"])
    from orchestration.cli import main as leadproof

    sys.exit(leadproof(order["words"]))


if __name__ == "__main__":
    main()

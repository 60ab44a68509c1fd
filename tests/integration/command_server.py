"""Runs `leadproof` commands in forks of a process that has imported the libraries, which saves their start.

Started by ``workshop`` with a project copy as its working folder. Each line on standard input is an order in
JSON: the ``words`` of a command or a piece of ``code``, what is added to the ``environment``, and the files
that get what it prints, as ``output`` and ``errors``; both may be one. It answers with the process id at
once, and with the exit code when that process has ended. What a command does is its own affair; nothing of
the project is imported before the fork.
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
    output = _opened(order["output"])
    errors = output if order["errors"] == order["output"] else _opened(order["errors"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (errors, 2)):
        os.dup2(source, target)
    os.environ.update(order["environment"])
    if "code" in order:
        exec(order["code"], {"__name__": "__main__"})
        sys.exit(0)
    from orchestration.cli import main as leadproof

    sys.exit(leadproof(order["words"]))


def _opened(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


if __name__ == "__main__":
    main()

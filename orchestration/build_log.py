"""A build's structured log: one JSON object a line in ``logs/<build_id>.jsonl``, for log collectors.

Each line has ``at`` (UTC), ``level``, ``event``, ``build_id`` and ``run_id``. It says what the build's record
says, as it happens: phases, counts, codes, paths; never a value of a row. What a person reads belongs to the
terminal and the quality report.
"""

import io
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import structlog

from orchestration.private_files import close_to_others
from orchestration.progress import Sink, listening
from orchestration.records import BuildRecord, Failure, Phase
from orchestration.settings import Settings


class BuildLog:
    """The log of one build, open while the build goes on.

    A build taken up again (publishing alone, say) goes on with the same file. A log that cannot be written
    stops nothing: the record and the report say the same.

    Args:
        settings: Where logs lie.
        record: The build; its ``log`` is set.
    """

    def __init__(self, settings: Settings, record: BuildRecord) -> None:
        path = settings.logs / f"{record.build_id}.jsonl"
        self._file: io.TextIOBase | None = None
        with suppress(OSError):
            close_to_others(settings.logs)
            self._file = path.open("a", encoding="utf-8", buffering=1)
            record.log = str(path)
        self._logger = structlog.wrap_logger(
            structlog.WriteLogger(self._file or io.StringIO()),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
                structlog.processors.JSONRenderer(),
            ],
            wrapper_class=structlog.BoundLogger,
            build_id=record.build_id,
            run_id=record.run_id,
        )
        self._listening = listening(self._progress_sink())

    def __enter__(self) -> Self:
        """Listen to what the parts say of their progress."""
        self._listening.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._listening.__exit__(kind, error, trace)
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def tell(self, event: str, **facts: Any) -> None:
        """Write a line.

        Args:
            event: What happened, in ``snake_case``.
            facts: What is known of it: numbers, codes, paths.
        """
        with suppress(OSError, ValueError):
            self._logger.info(event, **facts)

    def tell_phase(self, phase: Phase, failure: Failure | None) -> None:
        """Write the end of a phase.

        Args:
            phase: The phase.
            failure: Why it failed; None if it did not.
        """
        facts: dict[str, Any] = {"phase": phase.name, "seconds": phase.seconds, "status": phase.status}
        with suppress(OSError, ValueError):
            if failure is None:
                self._logger.info("phase_ended", **facts)
            else:
                self._logger.error(
                    "phase_ended",
                    **facts,
                    message=failure.message,
                    next_step=failure.hint,
                    cause=failure.cause,
                )

    def tell_end(self, record: BuildRecord, alarm: str | None) -> None:
        """Write how the build ended.

        Args:
            record: The finished record.
            alarm: Code of the alarm that it raises; None for none.
        """
        load = record.load
        facts: dict[str, Any] = {
            "status": record.status,
            "as_of": record.as_of,
            "release_id": record.release_id,
            "people": record.people,
            "computed_people": record.computed_people,
            "rows_loaded": load.get("rows"),
            "files_loaded": load.get("files"),
            "audit": record.audit.get("verdict"),
            "expectations_failed": len(record.audit.get("failed", [])),
            "report": record.report,
            "alarm": alarm,
        }
        with suppress(OSError, ValueError):
            (self._logger.error if alarm else self._logger.info)("build_ended", **facts)

    def _progress_sink(self) -> Sink:
        def sink(text: str) -> None:
            self.tell("progress", text=text)

        return sink

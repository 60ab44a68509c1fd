"""The build that a run carries: one resource, taken up by every asset, closed however the run ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time

import dagster as dg
from pydantic import Field, PrivateAttr

from orchestration.build import Build, BuildRequest
from orchestration.errors import LeadproofError
from orchestration.settings import load_settings

_LINUX_TRANSIENT = (BlockingIOError, InterruptedError, TimeoutError, ConnectionError)
# Something outside that may pass: tried again. Wrong data, policy or code is not: it stays wrong.
TRANSIENT_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


class BuildSession(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What was asked of a run, and the build it becomes.

    With the in-process executor the resource lives as long as the run, so the build lock is held from the
    first phase to the last and the report is written on every route.
    """

    as_of: str | None = Field(
        default=None, description="The build's clock: ISO date or time, UTC. Empty: the start of the build."
    )
    full_refresh: bool = Field(default=False, description="Rebuild everything from nothing.")
    candidate: bool = Field(default=False, description="Audit, but publish nothing.")
    restate: str | None = Field(
        default=None, description="Why policy that a release has used may change; recorded in `releases`."
    )
    owner: str = Field(default="Dagster", description="Who builds, shown to whoever is turned away.")

    _build: Build = PrivateAttr()

    @property
    def build(self) -> Build:
        """The run's build."""
        return self._build

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["BuildSession"]:
        """Open the build for a run and close it when the run ends.

        Args:
            context: Dagster's context.

        Yields:
            This resource.
        """
        self._build = Build(
            load_settings(),
            BuildRequest(
                as_of=parse_moment(self.as_of) if self.as_of else None,
                is_full_refresh=self.full_refresh,
                is_candidate_only=self.candidate,
                restatement_reason=self.restate,
                run_id=context.run_id,
                owner=self.owner,
            ),
        )
        try:
            yield self
        finally:
            self._build.close()


@contextmanager
def told_to_dagster() -> Iterator[None]:
    """Turn an expected failure into Dagster's, in one sentence and without a retry.

    Yields:
        Nothing.

    Raises:
        dagster.Failure: In place of every error that trying again would not cure.
    """
    try:
        yield
    except LeadproofError as error:
        raise dg.Failure(
            description=error.message,
            metadata={"next_step": error.hint} if error.hint else None,
            allow_retries=False,
        ) from error
    except _LINUX_TRANSIENT:
        raise
    except Exception as error:
        raise dg.Failure(
            description=f"{type(error).__name__} in a phase of the build.",
            metadata={"next_step": "See the trace below; the previous release is unchanged."},
            allow_retries=False,
        ) from error


def parse_moment(text: str) -> datetime:
    """Read an ISO date or time; without a zone it is UTC.

    Args:
        text: For example ``2026-03-31`` (its first instant) or ``2026-03-31T18:00:00Z``.

    Returns:
        The moment in UTC.

    Raises:
        LeadproofError: If the text is neither.
    """
    try:
        moment = (
            datetime.combine(date.fromisoformat(text), time.min)
            if len(text) == len("2026-03-31")
            else datetime.fromisoformat(text)
        )
    except ValueError as error:
        raise LeadproofError(
            f"'{text}' is no ISO date or time.",
            "Write it like 2026-03-31 or 2026-03-31T18:00:00Z.",
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

"""The build that a run carries: one resource, taken up by every asset, closed however the run ends."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import duckdb
from pydantic import Field, PrivateAttr

from orchestration.build import Build, BuildRequest
from orchestration.errors import LeadproofError
from orchestration.moments import parse_moment
from orchestration.settings import load_settings

_PASSING = (BlockingIOError, InterruptedError, TimeoutError, ConnectionError)
# What lies outside and may pass is tried again. Wrong data, policy or code stays wrong.
TRANSIENT_RETRIES = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


class BuildSession(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What was asked of a run, and the build it becomes.

    With the in-process executor the resource lives as long as the run, so the build lock is held from the
    first phase to the last and the report is written on every route.
    """

    as_of: str | None = Field(
        default=None,
        description="The build's clock: ISO date or time, UTC, not later than now. Empty: the start.",
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
            allow_retries=is_transient(error),
        ) from error
    except Exception as error:
        raise dg.Failure(
            description=f"{type(error).__name__} in a phase of the build.",
            metadata={"next_step": "See the trace below; the previous release is unchanged."},
            allow_retries=is_transient(error),
        ) from error


def is_transient(error: BaseException | None) -> bool:
    """Say whether trying again may help: something outside was busy for a moment.

    Args:
        error: An error; what caused it is looked at too.

    Returns:
        True for a file, lock or connection that was busy.
    """
    while error is not None:
        if isinstance(error, _PASSING) or (
            isinstance(error, duckdb.IOException) and "set lock" in str(error).lower()
        ):
            return True
        error = error.__cause__
    return False

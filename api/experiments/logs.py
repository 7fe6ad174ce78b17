"""The driver's log of an attempt."""

from __future__ import annotations

from api.database import Database
from api.experiments.kinds import Kind
from api.experiments.repository import ExperimentRepository
from api.experiments.schemas import LogView
from api.experiments.service import found
from api.experiments.states import State
from api.ray_jobs import RayRefused, RayUnreachable
from api.reconciler.joblogs import JobLogs
from api.refusals import BadParameter, Unavailable
from cftray.errors import Fault


class LogService:
    """From Ray while the job lives, from the store once it ended."""

    def __init__(self, database: Database, logs: JobLogs, kind: Kind = Kind.EXPERIMENT) -> None:
        self.database = database
        self.logs = logs
        self.kind = kind

    def read(self, identifier: str, number: int | None, tail: int | None) -> LogView:
        """The log of attempt `number`, or of the newest; `tail` keeps its last lines.

        Raises NotFound, BadParameter, or Unavailable where only Ray has it and does not answer.
        """
        with self.database.read() as session:
            repository = ExperimentRepository(session)
            terminal = State(found(repository, identifier, self.kind).state).terminal
            attempts = repository.attempts(identifier)
        if not attempts and number is None:
            return LogView(experiment=identifier, attempt=0, text="", complete=terminal, terminal=terminal)
        wanted = number if number is not None else attempts[-1].number
        attempt = next((one for one in attempts if one.number == wanted), None)
        if attempt is None:
            accepted = f"1 to {len(attempts)}" if attempts else "none yet: it is queued"
            raise BadParameter(Fault(path="attempt", given=str(number), expected=accepted))
        text = self.logs.kept(identifier, wanted)
        complete = text is not None or attempt.log_kept
        if not complete:
            text = self._live(attempt.submission_id)
        text = text or ""
        if tail is not None:
            text = "".join(text.splitlines(keepends=True)[-tail:]) if tail else ""
        return LogView(experiment=identifier, attempt=wanted, text=text, complete=complete, terminal=terminal)

    def _live(self, submission_id: str) -> str | None:
        try:
            return self.logs.live(submission_id)
        except (RayUnreachable, RayRefused) as error:
            raise Unavailable(f"{error.message}; the log is kept in the store once the job has ended") from error

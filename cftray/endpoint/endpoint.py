"""An endpoint at work: a pool of threads asks, results come out in the order of the requests."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from cftray.endpoint.answers import AnswerFolder
from cftray.endpoint.budget import Budget, Spent
from cftray.endpoint.catalogue import Endpoints, EndpointSettings
from cftray.endpoint.exchange import Exchange, Setback
from cftray.endpoint.keys import Key, read_key
from cftray.endpoint.messages import Answer, ChatRequest, Failure
from cftray.endpoint.pace import LOOK_EVERY_S, Clock, Pace, Stop, SystemClock, wait
from cftray.endpoint.retries import Health, Retries
from cftray.errors import Cancelled, EndpointRefused

AHEAD = 4
"""Requests taken in at a time, in multiples of the concurrency: a slow one does not leave threads idle."""

Result = Answer | Failure


def never() -> None:
    """The stop of work that nobody stops."""


def open_endpoint(name: str, environment: Mapping[str, str]) -> Endpoint:
    """The endpoint that the operator calls `name`, with its key from `environment`.

    Raises EndpointRefused where there is none, or not its key.
    """
    settings = Endpoints.of(environment).get(name)
    key = read_key(name, settings.key_env, environment) if settings.key_env is not None else None
    return Endpoint(name, settings, key)


class Endpoint:
    """One named endpoint. Its rate limits hold for all that goes through this object."""

    def __init__(
        self,
        name: str,
        settings: EndpointSettings,
        key: Key | None,
        *,
        retries: Retries = Retries(),
        clock: Clock | None = None,
    ) -> None:
        self.name = name
        self.settings = settings
        self.retries = retries
        self.clock = clock or SystemClock()
        self._pace = Pace(settings.requests_per_minute, settings.tokens_per_minute, self.clock)
        self._exchange = Exchange(name, settings, key, self.clock)
        self._health = Health(name, retries.give_up_after)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._exchange.close()

    def complete(
        self, requests: Iterable[ChatRequest], *, answers: AnswerFolder, budget: Budget, stop: Stop = never
    ) -> Iterator[Result]:
        """One result a request, in their order; requests are read as they are needed.

        An answer is in `answers` before it comes out, and comes from there where it already was. Raises
        EndpointRefused, EndpointUnavailable, BudgetExceeded once the results before are out and what is
        under way has ended; Cancelled (from `stop`) without waiting for that.
        """
        run = _Run(self, answers, budget, stop)
        waiting: deque[Future[Result]] = deque()
        last: Failure | None = None
        pool = ThreadPoolExecutor(self.settings.concurrency, thread_name_prefix=f"endpoint-{self.name}")
        try:
            for request in requests:
                self._check_model(request)
                waiting.append(run.submit(pool, request))
                if len(waiting) >= AHEAD * self.settings.concurrency:
                    last = _failure(result := run.result(waiting.popleft()), last)
                    yield result
            while waiting:
                last = _failure(result := run.result(waiting.popleft()), last)
                yield result
            self._health.raise_if_silent(last)
        finally:
            run.end()
            pool.shutdown(wait=not run.cancelled, cancel_futures=True)

    def _check_model(self, request: ChatRequest) -> None:
        if self.settings.model not in (None, request.model):
            raise EndpointRefused(f"endpoint {self.name}: model {request.model}; it serves {self.settings.model}")

    def ask(self, request: ChatRequest, budget: Budget, stop: Stop) -> Result:
        """Send a request until it is answered or there is no more sense in it."""
        digest = request.digest
        for attempt in range(1, self.retries.attempts + 1):
            stop()
            outcome = self._ask_once(request, budget, stop)
            if isinstance(outcome, Answer):
                return outcome
            if not outcome.again or attempt == self.retries.attempts:
                break
            if outcome.wait_s is not None:
                self._pace.pause(min(outcome.wait_s, self.retries.longest_asked_s))
            wait(self.clock, self.retries.delay(outcome, attempt, digest), stop)
        return Failure(reason=outcome.reason, message=outcome.message, attempts=attempt)

    def _ask_once(self, request: ChatRequest, budget: Budget, stop: Stop) -> Answer | Setback:
        likely = request.likely_prompt_tokens + request.max_tokens
        most = Spent(
            requests=1, prompt_tokens=request.most_prompt_tokens, completion_tokens=request.max_tokens
        )
        self._pace.take(likely, stop)
        budget.reserve(most, stop)
        used = Spent(requests=1)
        try:
            outcome = self._exchange.send(request)
            used = _used(outcome)
        finally:
            budget.settle(most, used)
            self._pace.correct(used.tokens - likely)
        return outcome

    def saw(self, result: Result) -> None:
        """Take a result into account. Raises where it shows that the endpoint is no use."""
        self._health.saw(result)


class _Run:
    """One call of `complete`: what its threads share."""

    def __init__(self, endpoint: Endpoint, answers: AnswerFolder, budget: Budget, stop: Stop) -> None:
        self.endpoint = endpoint
        self.answers = answers
        self.budget = budget
        self.stop = stop
        self.cancelled = False
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[Result]] = {}

    def submit(self, pool: ThreadPoolExecutor, request: ChatRequest) -> Future[Result]:
        """Two requests that ask the same share one answer."""
        digest = request.digest
        with self._lock:
            found = self._under_way.get(digest)
            if found is None:
                found = self._under_way[digest] = pool.submit(self._work, digest, request)
        return found

    def result(self, future: Future[Result]) -> Result:
        """Wait for one result. Raises the first error of any thread where this one has none for it."""
        while True:
            self._stop_here()
            try:
                return future.result(timeout=LOOK_EVERY_S)
            except TimeoutError:
                continue
            except BaseException as error:
                raise self._error or error from None

    def end(self) -> None:
        """Threads send nothing more."""
        self._ended.set()

    def _stop_here(self) -> None:
        try:
            self.stop()
        except BaseException:
            self.cancelled = True
            raise

    def _work(self, digest: str, request: ChatRequest) -> Result:
        try:
            found = self.answers.find(digest)
            if found is not None:
                return found
            result = self.endpoint.ask(request, self.budget, self._stop_there)
            if isinstance(result, Answer):
                self.answers.keep(digest, result)
            self.endpoint.saw(result)
            return result
        except BaseException as error:
            with self._lock:
                self._error = self._error or error
            self.end()
            raise
        finally:
            with self._lock:
                self._under_way.pop(digest, None)

    def _stop_there(self) -> None:
        if self._ended.is_set():
            raise Cancelled("stopped because other requests can't go on")
        self.stop()


def _used(outcome: Answer | Setback) -> Spent:
    if isinstance(outcome, Setback):
        return outcome.used
    return Spent(requests=1, prompt_tokens=outcome.prompt_tokens, completion_tokens=outcome.completion_tokens)


def _failure(result: Result, before: Failure | None) -> Failure | None:
    return result if isinstance(result, Failure) else before

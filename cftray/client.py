"""The service from Python: submit an experiment, wait for it, read its results.

    client = Client()                                 # CFTRAY_URL, CFTRAY_API_KEY
    run = client.submit({"recipe": "mini", "pair": "dissimilar"})
    run.wait(progress=True)
    run.results().to_pandas()                         # a row per model, task and language

A refusal is raised with its problem document's code and faults; a service that can't be reached, as
Unreachable. A run that is being waited for survives restarts of the service.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from cftray.client_documents import Source, document_of
from cftray.client_errors import ClientError, ExperimentFailed, Refused, Unreachable, refusal
from cftray.client_files import save
from cftray.client_matrices import Matrix
from cftray.client_results import Results
from cftray.client_runs import Run

if TYPE_CHECKING:
    from cftray.bundle import Bundle
    from cftray.client_bundles import Reproduction
    from cftray.client_evaluations import Evaluation
    from cftray.client_similarity import Similarity
    from cftray.client_sweeps import Sweep

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT = httpx.Timeout(30.0, connect=5.0)

Json = dict[str, Any]

__all__ = ["Client", "ClientError", "ExperimentFailed", "Matrix", "Refused", "Results", "Run", "Unreachable"]


class Client:
    """One service. `url` and `api_key` default to CFTRAY_URL and CFTRAY_API_KEY."""

    def __init__(
        self, url: str | None = None, api_key: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.url = (url or os.environ.get("CFTRAY_URL") or DEFAULT_URL).rstrip("/")
        key = api_key or os.environ.get("CFTRAY_API_KEY")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unreachable(f"{self.url} is no address of a service; expected http://host:port (CFTRAY_URL)")
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=TIMEOUT,
            transport=transport,
            trust_env=parts.hostname not in ("127.0.0.1", "localhost", "::1"),  # no proxy on the way to oneself
            verify=parts.scheme == "https",
        )

    def submit(self, spec: Source, *, key: str | None = None) -> Run:
        """Store and start an experiment: a spec, a document, or the path of a YAML or JSON file.

        `key` makes it idempotent across calls; within one call a lost connection never submits twice.
        """
        return Run(self, self._post("/v1/experiments", document_of(spec), key))

    def evaluate(self, model: Source, *, key: str | None = None, **asked: Any) -> Evaluation:
        """Score a model without training it: a folder, a hub id, or a whole spec of an evaluation.

        `asked` is what `cftray.client_evaluations.evaluation_document` takes: `suites`, `pack`, `languages`, `limit`
        and so on. Idempotent as `submit` is.
        """
        from cftray.client_evaluations import Evaluation, evaluation_document

        return Evaluation(self, self._post("/v1/evaluations", evaluation_document(model, **asked), key))

    def similarity(self, sets: Source, *, key: str | None = None, **asked: Any) -> Similarity:
        """Say how alike data sets are, before anything is trained on them: a list of paths, data by their names, or a
        whole spec.

        `asked` is what `cftray.client_similarity.similarity_document` takes: `encoder`, `samples`, `text` and so on.
        Idempotent as `submit` is.
        """
        from cftray.client_similarity import Similarity, similarity_document

        return Similarity(self, self._post("/v1/similarity", similarity_document(sets, **asked), key))

    def sweep(self, source: Source, *, key: str | None = None) -> Sweep:
        """Store and start a sweep: a document, or the path of a YAML or JSON file.

        Raises SpecRefused with the faults of every trial; then nothing is stored. Idempotent as `submit` is.
        """
        from cftray.client_sweeps import Sweep

        return Sweep(self, self._post("/v1/sweeps", document_of(source), key))

    def get_sweep(self, identifier: str) -> Sweep:
        """A sweep by its id."""
        from cftray.client_sweeps import Sweep

        return Sweep(self, self.ask("GET", f"/v1/sweeps/{identifier}"))

    def matrix(self, source: Source, *, key: str | None = None) -> Matrix:
        """Store and start a matrix of experiments: a document, or the path of a YAML or JSON file.

        Raises SpecRefused with the faults of every cell; then nothing is stored. Idempotent as `submit` is.
        """
        return Matrix(self, self._post("/v1/matrices", document_of(source), key))

    def reproduction(self, bundle: Bundle, given: Mapping[str, str] | None = None) -> Reproduction:
        """A bundle beside what the service would do with its spec; `given` are paths for the bundle's variables.

        Nothing is stored or started until its `submit`. Raises SpecRefused where files are not given.
        """
        from cftray.client_bundles import reproduction

        return reproduction(self, bundle, given)

    def get_matrix(self, identifier: str) -> Matrix:
        """A matrix by its id."""
        return Matrix(self, self.ask("GET", f"/v1/matrices/{identifier}"))

    def plan(self, spec: Source) -> Json:
        """What the experiment would need; nothing is stored or started."""
        return self.ask("POST", "/v1/plans", json=document_of(spec))

    def preview(self, spec: Source, rows: int = 3) -> Sequence[Json]:
        """What the models will see of each phase's data: `rows` of them token by token, and figures.

        `seen` is null where the service can't read the data; `unseen` then says why, and what helps.
        """
        found = self.ask("POST", "/v1/plans", json=document_of(spec), params={"preview": rows})
        previews: Sequence[Json] = found["preview"]
        return previews

    def get(self, identifier: str) -> Run:
        """An experiment by its id, an evaluation, a comparison of data sets, or a sweep."""
        from cftray.client_evaluations import Evaluation
        from cftray.client_similarity import Similarity
        from cftray.client_sweeps import Sweep

        kinds: dict[str, type[Run]] = {"ev": Evaluation, "sim": Similarity, "swp": Sweep}
        kind = kinds.get(identifier.partition("_")[0], Run)
        return kind(self, self.ask("GET", f"{kind.collection}/{identifier}"))

    def recipes(self) -> Sequence[Json]:
        """Named experiments, with an example of each."""
        found: Sequence[Json] = self.ask("GET", "/v1/recipes")["data"]
        return found

    def schema(self) -> Json:
        """The JSON Schema of a spec."""
        return self.ask("GET", "/v1/schema")

    def ask(self, method: str, path: str, **options: Any) -> Json:
        """A request and its JSON answer. Raises SpecRefused, Refused or Unreachable."""
        answer: Json = self.response(method, path, **options).json()
        return answer

    def response(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request and its answer, read to the end. Raises as `ask` does."""
        try:
            response = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        if response.is_error:
            raise refusal(response)
        return response

    def save(self, path: str, target: Path | str, **params: Any) -> Path:
        """Save a file of the service at `target`, whole or not at all. Raises as `ask` does."""
        try:
            return save(self._http, path, Path(target), params)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def stream(self, path: str, after: int, silence_s: float) -> Iterator[Json]:
        """Events of the run at `path` as they happen, until the stream ends for whatever reason.

        Raises Unreachable, Refused.
        """
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        timeout = httpx.Timeout(TIMEOUT.connect, read=silence_s)
        try:
            with self._http.stream("GET", f"{path}/events", headers=headers, timeout=timeout) as response:
                if response.is_error:
                    response.read()
                    raise refusal(response)
                yield from _frames(response.iter_lines())
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def list(
        self, *, limit: int | None = None, evaluations: bool = False, similarity: bool = False, **filters: Any
    ) -> Iterator[Run]:
        """Experiments, `evaluations` or comparisons of data sets (`similarity`), the newest first; filters are
        `state`, `label` and `name`."""
        from cftray.client_evaluations import Evaluation
        from cftray.client_similarity import Similarity

        kind: type[Run] = Similarity if similarity else Evaluation if evaluations else Run
        wanted = {name: value for name, value in filters.items() if value}
        after: str | None = None
        left = limit
        while left is None or left > 0:
            page = {"limit": min(200, left or 200)} | ({"after": after} if after else {})
            answer = self.ask("GET", kind.collection, params=wanted | page)
            yield from (kind(self, view) for view in answer["data"])
            if not answer["has_more"]:
                return
            after = answer["next"]
            left = None if left is None else left - len(answer["data"])

    def _post(self, path: str, document: Json, key: str | None) -> Json:
        """Once more after a lost connection, under the same key: nothing is stored twice."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        try:
            return self.ask("POST", path, json=document, headers=headers)
        except Unreachable:
            return self.ask("POST", path, json=document, headers=headers)

    def _unreachable(self, error: Exception) -> Unreachable:
        cause = str(error) or type(error).__name__
        return Unreachable(f"{self.url} can't be reached ({cause}); is the service up (`cftray up`, CFTRAY_URL)?")


def _frames(lines: Iterator[str]) -> Iterator[Json]:
    """The data of each server-sent event; a frame that was cut off is dropped."""
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            event: Mapping[str, Any] = json.loads("\n".join(data))
            data = []
            yield dict(event)

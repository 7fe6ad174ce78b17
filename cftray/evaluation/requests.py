"""What a pack's tasks ask of any model: requests as tokens, in batches that are fixed here once.

    requests/manifest.json     tasks in the pack's order, each with the sha256 of all that it asks
    requests/<task>.parquet    its requests in the order of batches, a row group a batch

A batch holds requests of one task alone, so that what it is padded to, and with it the task's score, never
depends on what else was asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from cftray.errors import InternalError
from cftray.store.atomic import write_atomic

FOLDER = "requests"
MANIFEST = "manifest.json"

Kind = Literal["generate_until", "loglikelihood"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a task. `place` is its place among the task's, `index` among its document's.

    `continuation` is empty where an answer is generated. `cut` says that the prompt lost tokens on the left.
    """

    place: int
    doc: int
    index: int
    item: str
    prompt: str
    prompt_sha256: str
    context: list[int]
    continuation: list[int]
    cut: bool


class BatchShape(BaseModel):
    """How much a batch asks: requests, the sequences that the model reads for them, tokens of the longest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: int
    sequences: int
    length: int


class AskedTask(BaseModel):
    """One task's requests. `sha256` covers their tokens, settings and batches, and the documents they are scored by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    sha256: str
    kind: Kind
    chat: bool
    settings: Mapping[str, JsonValue]
    items: int
    cut_prompts: int
    batches: tuple[BatchShape, ...]

    def tokens(self, number: int) -> int:
        """What a batch takes at most: tokens of its sequences, padding and the longest answers among them."""
        longest = self.settings.get("max_gen_toks", 0)
        batch = self.batches[number]
        return batch.sequences * (batch.length + (longest if isinstance(longest, int) else 0))

    @property
    def requests(self) -> int:
        """How many there are."""
        return sum(batch.requests for batch in self.batches)


class Manifest(BaseModel):
    """All tasks that are asked. `ends` are the tokens that end an answer; lengths are in tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    context_length: int
    ends: tuple[int, ...]
    batch_size: int
    tokenizer_sha256: str
    template_sha256: str
    tasks: tuple[AskedTask, ...]

    def task(self, name: str) -> AskedTask:
        """The task of that name."""
        for one in self.tasks:
            if one.task == name:
                return one
        raise InternalError(f"task {name} is not among the requests")

    def write(self, folder: Path) -> None:
        """Into the folder of requests; the file is whole or not there."""
        write_atomic(folder / MANIFEST, self.model_dump_json())

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """What `write` wrote."""
        return cls.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))


def task_file(folder: Path, task: str) -> Path:
    """Where a task's requests lie."""
    return folder / f"{task}.parquet"


def write_requests(path: Path, batches: Sequence[Sequence[Request]]) -> None:
    """A task's batches, each as a row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tokens = pa.list_(pa.int32())
    schema = pa.schema(
        {
            "place": pa.int32(),
            "doc": pa.int32(),
            "index": pa.int32(),
            "item": pa.string(),
            "prompt": pa.string(),
            "prompt_sha256": pa.string(),
            "context": tokens,
            "continuation": tokens,
            "cut": pa.bool_(),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            columns = {name: [getattr(one, name) for one in batch] for name in schema.names}
            writer.write_table(pa.Table.from_pydict(columns, schema=schema), row_group_size=len(batch))


def read_batch(file: Any, number: int) -> list[Request]:
    """A batch of an open `pyarrow.parquet.ParquetFile`."""
    return [Request(**row) for row in file.read_row_group(number).to_pylist()]


def read_requests(path: Path) -> list[Request]:
    """All requests of a task, in its documents' order."""
    import pyarrow.parquet as pq

    return sorted((Request(**row) for row in pq.read_table(path).to_pylist()), key=lambda one: one.place)

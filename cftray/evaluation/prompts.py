"""The prompts of a pack's items, raw: what a benchmark asks, before any chat template.

A task over a JSON-lines file beside its YAML, with a Jinja `doc_to_text`, is read without lm-eval. Any
other is loaded by lm-eval itself, in a worker.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import jinja2
import yaml
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cftray.data.contamination import Item
from cftray.evaluation import packs
from cftray.evaluation.harness import opened
from cftray.evaluation.requests_stage import benchmark_files
from cftray.plan.packs import Pack, PackTask

LABELS = re.compile(r"\A\s*(question|q)\s*:|\n\s*(answer|a)\s*:\s*\Z", re.IGNORECASE)
"""What a prompt may put around a question; no training row would have it."""

ANY_CONTEXT = 1 << 30
"""A context length under which lm-eval's tasks are never too long: nothing is generated here."""


def file_items(pack: Pack, entry: PackTask, limit: int | None) -> list[Item] | None:
    """The task's items, at most `limit`; None where only lm-eval can read them."""
    if entry.source is not None or not (pack.include_path / f"{entry.task}.yaml").is_file():
        return None
    task = yaml.load((pack.include_path / f"{entry.task}.yaml").read_text(encoding="utf-8"), Loader=_Loader)
    file, text = (task.get("dataset_kwargs") or {}).get("file"), task.get("doc_to_text")
    if not isinstance(file, str) or not isinstance(text, str) or not (pack.include_path / file).is_file():
        return None
    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    with open(pack.include_path / file, encoding="utf-8") as lines:
        docs = [json.loads(line) for line in islice(lines, limit)]
    try:
        template = environment.from_string(text)
        return [_item(entry, number, doc, template.render(**doc)) for number, doc in enumerate(docs)]
    except jinja2.TemplateError:  # a filter of lm-eval's own
        return None


def harness_items(request: Mapping[str, Any]) -> list[dict[str, str]]:
    """Entry of a worker: items of `request["tasks"]` of `request["pack"]` as lm-eval reads them."""
    files = benchmark_files({name: Path(path) for name, path in request["inputs"].items()})
    pack = packs.find_pack(request["pack"])
    return read_with_harness(pack, request["tasks"], request["limit"], Path(request["folder"]), files)


def read_with_harness(
    pack: Pack, tasks: Sequence[str], limit: int | None, folder: Path, files: Mapping[str, Path]
) -> list[dict[str, str]]:
    """As `harness_items`, with the pack and the benchmarks' files given; caches in `folder` are gone afterwards."""
    wanted = [entry for entry in pack.tasks if entry.task in tasks]
    with opened(pack, wanted, files, ANY_CONTEXT, folder / "cache") as loaded:
        items = [item for entry in wanted for item in _read(entry, loaded[entry.task], limit)]
    return [{"benchmark": item.benchmark, "id": item.id, "text": item.text} for item in items]


def _read(entry: PackTask, task: Any, limit: int | None) -> Iterable[Item]:
    for number, doc in enumerate(islice(task.eval_docs, limit)):
        yield _item(entry, number, doc, str(task.doc_to_text(doc)))


def _item(entry: PackTask, number: int, doc: Mapping[str, Any], text: str) -> Item:
    """An item named as in the table of scores: by its own id where it has one, else by its place."""
    identifier = f"{entry.task}/{doc.get('id', number)}"
    return Item(benchmark=entry.benchmark, id=identifier, text=LABELS.sub("", text).strip())


class _Loader(yaml.SafeLoader):
    """lm-eval's YAML, its `!function` references left unread."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)

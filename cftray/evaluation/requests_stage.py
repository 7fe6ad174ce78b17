"""The stage that makes the requests of an evaluation, once for all models that are prompted alike.

A worker loads the pack's tasks, renders their prompts, tokenises and batches them. Holds no accelerator.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.data.ends import end_tokens
from cftray.data.templates import ChatTemplate, load_template
from cftray.errors import Cancelled, DataError, InternalError
from cftray.evaluation import packs
from cftray.evaluation.compose import compose, shape
from cftray.evaluation.harness import opened
from cftray.evaluation.paper.preflight import Severity, look
from cftray.evaluation.requests import FOLDER, AskedTask, Kind, Manifest, Request, task_file, write_requests
from cftray.plan.canonical import sha256_of
from cftray.plan.packs import Pack, PackTask
from cftray.plan.stages import RequestsConfig
from cftray.stage import Artifact, StageContext

OWN_INPUTS = ("model", "tokenizer", "requests", "rows")
"""Inputs of evaluation stages that are no benchmark's files."""

ANY_LENGTH = 2048
"""Context of a model whose config names none, as lm-eval takes it."""


def run(config: RequestsConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `tokenizer`, and the benchmarks' files by name. Output: `requests`, a folder.

    Raises ModelError where tokenizer, template and tasks do not fit each other, DataError where a benchmark's
    items can't be had or asked, Cancelled when asked to stop, InternalError where the pack is not the one planned.
    """
    context.raise_if_stopped()
    pack = packs.find_planned(config.pack, config.pack_digest)
    request = {
        "config": config.model_dump(mode="json"),
        "inputs": {name: str(path.absolute()) for name, path in inputs.items()},
        "folder": str(context.folder.absolute()),
        "stop": str(context.stop.absolute()),
    }
    made = context.workers.call(make_requests, request, accelerator=None, name="requests")
    for told in made["lacking"]:
        context.note(told)
    folder = context.folder / FOLDER
    manifest = Manifest.read(folder)
    tasks = [one.model_dump(mode="json", exclude={"batches", "settings"}) for one in manifest.tasks]
    details = {
        **manifest.model_dump(mode="json", exclude={"tasks"}),
        "tasks": [{**told, "batches": len(one.batches)} for told, one in zip(tasks, manifest.tasks, strict=True)],
        "seconds": made["seconds"],
        "sources": made["sources"],
        "lacking": made["lacking"],
        "pack": {"name": pack.name, "version": pack.version, "digest": pack.digest},
    }
    metrics = {
        "items": sum(one.items for one in manifest.tasks),
        "requests": sum(one.requests for one in manifest.tasks),
        "batches": sum(len(one.batches) for one in manifest.tasks),
        "cut_prompts": sum(one.cut_prompts for one in manifest.tasks),
    }
    return Artifact(
        outputs={"requests": folder}, metrics=metrics, details=details, lacking=tuple(made["resources"])
    )


def make_requests(request: Mapping[str, Any]) -> dict[str, Any]:
    """Entry of a worker: writes the folder `requests` into the request's folder.

    Gives the `seconds` that it took, of which files the items come (`sources`), and what is `lacking`, in words: items
    that will stay without a score; `resources` has the names of that. Raises DataError where something is missing that
    the evaluation can't do without.
    """
    config = RequestsConfig.model_validate(request["config"])
    pack = packs.find_planned(config.pack, config.pack_digest)
    inputs = {name: Path(path) for name, path in request["inputs"].items()}
    folder = Path(request["folder"])
    wanted = pack.asked(config.suites, config.benchmarks, config.languages)
    found = look(wanted, benchmark_files(inputs), limit=config.limit, folder=folder)
    found.raise_if_fatal()
    seconds = _Requests(pack, config, inputs, folder, Path(request["stop"])).write()
    unscored = found.of(Severity.UNSCORED)
    return {
        "seconds": seconds,
        "sources": list(found.sources),
        "lacking": [str(one) for one in unscored],
        "resources": sorted({one.resource for one in unscored if one.resource is not None}),
    }


class _Requests:
    """One pack's tasks for one tokenizer and template."""

    def __init__(
        self, pack: Pack, config: RequestsConfig, inputs: Mapping[str, Path], folder: Path, stop: Path
    ) -> None:
        from cftray.evaluation.prompting import Prompter

        self.pack, self.config, self.inputs, self.folder, self.stop = pack, config, inputs, folder, stop
        self.tokenizer: Path = inputs["tokenizer"]
        self.length = context_length(self.tokenizer)
        self.prompter = Prompter(self.tokenizer, self.length)
        self.template = load_template(config.template, self.tokenizer)
        self.ends = end_tokens(self.tokenizer, config.template)
        self.tokenizer_sha256 = hashlib.sha256((self.tokenizer / "tokenizer.json").read_bytes()).hexdigest()

    def write(self) -> dict[str, float]:
        started = time.monotonic()
        wanted = self.pack.asked(self.config.suites, self.config.benchmarks, self.config.languages)
        files = benchmark_files(self.inputs)
        with opened(self.pack, wanted, files, self.length, self.folder / "cache") as tasks:
            loaded = time.monotonic()
            asked = tuple(self._task(entry, tasks[entry.task]) for entry in wanted)
        manifest = Manifest(
            context_length=self.length,
            ends=tuple(self.ends),
            batch_size=self.config.batch_size,
            tokenizer_sha256=self.tokenizer_sha256,
            template_sha256=hashlib.sha256(self.template.text.encode()).hexdigest(),
            tasks=asked,
        )
        manifest.write(self.folder / FOLDER)
        return {"start": round(loaded - started, 3), "asking": round(time.monotonic() - loaded, 3)}

    def _task(self, entry: PackTask, task: Any) -> AskedTask:
        from cftray.evaluation.tasks import seed

        if self.stop.exists():
            raise Cancelled("stopped because it was asked to")
        seed()
        task.build_all_requests(
            limit=self.config.limit,
            apply_chat_template=entry.chat,
            chat_template=_Rendering(entry.task, self.template) if entry.chat else None,
        )
        requests, settings = self._requests(entry, task.instances)
        kind: Kind = task.instances[0].request_type
        batches = compose(requests, self.config.batch_size, settings.get("max_gen_toks", 0))
        write_requests(task_file(self.folder / FOLDER, entry.task), batches)
        return AskedTask(
            task=entry.task,
            sha256=self._digest(requests, settings, batches, task.instances),
            kind=kind,
            chat=entry.chat,
            settings=settings,
            items=len({one.doc for one in requests}),
            cut_prompts=sum(one.cut for one in requests),
            batches=tuple(shape(batch) for batch in batches),
        )

    def _requests(self, entry: PackTask, instances: Sequence[Any]) -> tuple[list[Request], dict[str, Any]]:
        """The task's requests in lm-eval's order, and how answers are generated."""
        settings: dict[str, Any] = {}
        tokens: Sequence[tuple[list[int], list[int], bool]]
        if instances[0].request_type == "generate_until":
            settings = dict(instances[0].args[1])
            if any(dict(one.args[1]) != settings for one in instances):
                raise InternalError(f"{entry.task}: items differ in how they are answered; expected one way a task")
            prompts = [str(one.args[0]) for one in instances]
            found = self.prompter.generation(prompts, chat=entry.chat, longest=settings["max_gen_toks"])
            tokens = [(one, [], cut) for one, cut in found]
        else:
            pairs = [(str(one.args[0]), str(one.args[1])) for one in instances]
            tokens = self.prompter.continuations(pairs, chat=entry.chat)
        items = _items(entry, instances)
        return [
            Request(
                place=place,
                doc=one.doc_id,
                index=one.idx,
                item=items[one.doc_id],
                prompt=str(one.args[0]),
                prompt_sha256=hashlib.sha256(str(one.args[0]).encode()).hexdigest(),
                context=context,
                continuation=continuation,
                cut=cut,
            )
            for place, (one, (context, continuation, cut)) in enumerate(zip(instances, tokens, strict=True))
        ], settings

    def _digest(
        self,
        requests: Sequence[Request],
        settings: Mapping[str, Any],
        batches: Sequence[Sequence[Request]],
        instances: Sequence[Any],
    ) -> str:
        """sha256 of all that a task's answers and their scores follow from, the model apart."""
        found = hashlib.sha256()
        generated = {"settings": settings, "ends": self.ends, "context": self.length} if settings else {}
        found.update(sha256_of({"generated": generated, "tokenizer": self.tokenizer_sha256}).encode())
        documents = {one.doc_id: one.doc for one in instances}
        for number, doc in documents.items():
            found.update(json.dumps([number, doc], sort_keys=True, ensure_ascii=False, default=str).encode())
        for one in requests:
            found.update(json.dumps([one.item, one.index, one.prompt_sha256, one.context, one.continuation]).encode())
        found.update(json.dumps([[one.place for one in batch] for batch in batches]).encode())
        return found.hexdigest()


class _Rendering:
    """lm-eval's chat template: prompts as rows are rendered for training."""

    def __init__(self, task: str, template: ChatTemplate) -> None:
        self.task = task
        self.template = template

    def __call__(self, chat_history: Sequence[Mapping[str, str]], add_generation_prompt: bool = True) -> str:
        if not add_generation_prompt:
            raise InternalError(f"{self.task}: has a gen_prefix; expected prompts that end with the template's own")
        messages = [
            {**one, "instruction": one["content"], "input": ""} if one["role"] == "user" else one
            for one in chat_history
        ]
        return self.template.prompt(messages)


def _items(entry: PackTask, instances: Sequence[Any]) -> dict[int, str]:
    """Each document's id: its own where it has one, else its place. Raises DataError where two have the same."""
    found = {one.doc_id: str(one.doc.get("id", one.doc_id)) for one in instances}
    seen: dict[str, int] = {}
    for doc, item in found.items():
        if item in seen:
            raise DataError(f"{entry.task}: items {seen[item] + 1} and {doc + 1} both have the id {item!r}")
        seen[item] = doc
    return found


def benchmark_files(inputs: Mapping[str, Path]) -> dict[str, Path]:
    """The benchmarks' files among a stage's inputs."""
    return {name: path for name, path in inputs.items() if name not in OWN_INPUTS}


def context_length(folder: Path) -> int:
    """Positions that the model of a folder knows, by its config.json."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for one in (config.get("text_config") or {}, config):
        for name in ("n_positions", "max_position_embeddings", "n_ctx"):
            if isinstance(one.get(name), int):
                return int(one[name])
    return ANY_LENGTH

"""What an evaluation needs, looked for before any accelerator is taken.

Fatal is what would end the evaluation later, or score something else than was asked: files that are missing or
wrong, a package of another version than the pack's, no token for a gated model, a full disk. What can't be had and
leaves only some items without a score is told by name, with the command that mends it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from cftray.errors import DataError
from cftray.evaluation.paper.metrics.following import PUNKT, PUNKT_CURE, PUNKT_KINDS, has_punkt, needs_punkt
from cftray.evaluation.paper.pack import libraries_of
from cftray.evaluation.paper.sources import Documents, read
from cftray.plan.packs import PackTask

BYTES_AN_ITEM: Final = 16 << 10
"""Room for an item's prompt, output and scores, in the caches of the run and in its results."""


class Severity(StrEnum):
    """Whether an evaluation can go on."""

    FATAL = "fatal"
    UNSCORED = "unscored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`subject` is a task or what is missing; `items` are the ids of those that stay without a score, for want of
    `resource`."""

    severity: Severity
    subject: str
    message: str
    cure: str
    items: tuple[str, ...] = ()
    resource: str | None = None

    def __str__(self) -> str:
        return f"{self.subject}: {self.message}; {self.cure}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """`sources` say of each benchmark and language what is scored: split, files, number of items, digest."""

    findings: tuple[Finding, ...]
    sources: tuple[dict[str, Any], ...]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of a severity."""
        return tuple(one for one in self.findings if one.severity is severity)

    def raise_if_fatal(self) -> None:
        """Raises DataError with every fatal finding at once."""
        fatal = self.of(Severity.FATAL)
        if fatal:
            told = "".join(f"\n  {one}" for one in fatal)
            raise DataError(f"evaluation can't begin, {len(fatal)} thing{'s' * (len(fatal) > 1)} missing{told}")


def look(
    tasks: Sequence[PackTask],
    places: Mapping[str, Path],
    *,
    limit: int | None = None,
    folder: Path | None = None,
    gated: Iterable[str] = (),
) -> Preflight:
    """What `tasks` need, in their order. Reads every benchmark whole; asks nothing of the network.

    `places` of benchmarks as in `sources.bound`; `limit` items of each task are scored, all where it is null;
    `folder` is where results go; `gated` are models of the hub that need a token.
    """
    findings = [*_packages(tasks), *_tokens(gated)]
    documents: list[Documents] = []
    for task in tasks:
        found = _read(task, places) if task.source is not None else None
        if isinstance(found, Finding):
            findings.append(found)
        elif found is not None:
            documents.append(found)
            findings += _unscored(task, found, limit)
    if folder is not None:
        findings += _disk(documents, folder)
    return Preflight(findings=tuple(findings), sources=tuple(one.record for one in documents))


def _read(task: PackTask, places: Mapping[str, Path]) -> Documents | Finding:
    source = str(task.source)
    if source not in places:
        return _fatal(task.task, f"no place is given for {source}", f"set evaluation.data.{source}")
    try:
        return read(source, task.language, places[source])
    except DataError as error:
        message, _, cure = error.message.rpartition("; ")
        return _fatal(task.task, message or error.message, cure)


def _unscored(task: PackTask, documents: Documents, limit: int | None) -> list[Finding]:
    if documents.benchmark != "ifeval" or has_punkt():
        return []
    items = [item for item in documents.items[:limit] if needs_punkt(item)]
    if not items:
        return []
    checks = sum(one in PUNKT_KINDS for item in items for one in item["instruction_id_list"])
    found = Finding(
        severity=Severity.UNSCORED,
        subject=task.task,
        message=f"NLTK's punkt_tab is not there: {checks} checks in {len(items)} items stay without a score, and so "
        "does the benchmark",
        cure=PUNKT_CURE,
        items=tuple(item["id"] for item in items),
        resource=PUNKT,
    )
    return [found]


def _packages(tasks: Sequence[PackTask]) -> list[Finding]:
    own = [task for task in tasks if task.source is not None]  # another pack scores with code of its own
    wanted = {name: one for task in own for name, one in libraries_of(task).items()}
    cure = "install what constraints.txt names"
    return [
        _fatal(name, f"version {_installed(name)} is installed, scores are those of {one}", cure)
        for name, one in sorted(wanted.items())
        if _installed(name) != one
    ]


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _tokens(gated: Iterable[str]) -> list[Finding]:
    names = list(gated)
    if not names:
        return []
    from huggingface_hub import get_token

    if get_token() is not None:
        return []
    return [_fatal(name, "is gated, and there is no token for the hub", "set HF_TOKEN") for name in names]


def _disk(documents: Sequence[Documents], folder: Path) -> list[Finding]:
    needed = BYTES_AN_ITEM * sum(len(one.items) for one in documents)
    free = shutil.disk_usage(folder).free
    if free >= needed:
        return []
    message = f"{free >> 20} MiB are free, some {needed >> 20} MiB will be written"
    return [_fatal(str(folder), message, "make room or set another store")]


def _fatal(subject: str, message: str, cure: str) -> Finding:
    return Finding(severity=Severity.FATAL, subject=subject, message=message, cure=cure)

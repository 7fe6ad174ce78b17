"""What the task pack holds, without any heavy import."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from cftray.plan.packs import PackTask

LA_LANGUAGES: Final[tuple[str, ...]] = ("de", "es", "fr", "id", "ru")
PACK_VERSION: Final = 1
TASKS_FOLDER: Final = Path(__file__).parent / "tasks"
_SCORING: Final[tuple[str, ...]] = ("scores.py", "formats.py", "lexicon.py")


def _ta(benchmark: str, metric: str, *, chat: bool) -> PackTask:
    return PackTask(
        task=f"{benchmark}_mini", suite="ta", benchmark=benchmark, language="en", metric=metric, chat=chat
    )


def _la(benchmark: str, metric: str) -> tuple[PackTask, ...]:
    return tuple(
        PackTask(
            task=f"{benchmark}_mini_{language}",
            suite="la",
            benchmark=benchmark,
            language=language,
            metric=metric,
            chat=True,
        )
        for language in LA_LANGUAGES
    )


TASKS: Final[tuple[PackTask, ...]] = (
    _ta("ifeval", "prompt_level_strict_acc", chat=True),
    _ta("alpaca_eval", "win_rate", chat=True),
    _ta("mmlu", "acc", chat=False),
    _ta("hellaswag", "acc_norm", chat=False),
    *_la("mlqa", "f1"),
    *_la("xquad", "f1"),
    *_la("xlsum", "rouge_l"),
)


def digest() -> str:
    """sha256 over the item files, the task files and the code that scores them, by name."""
    package = TASKS_FOLDER.parent
    files = [path for path in TASKS_FOLDER.iterdir() if path.suffix in (".yaml", ".jsonl")]
    files += [package / name for name in _SCORING]
    found = hashlib.sha256()
    for path in sorted(files, key=lambda path: path.relative_to(package).as_posix()):
        found.update(path.relative_to(package).as_posix().encode() + b"\0")
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()

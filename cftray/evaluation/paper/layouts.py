"""Which file of a folder holds a benchmark, by the names under which it is published.

The first line that fits counts: the split that is scored where it is there, else the next best; the original
format before the hub's Parquet. Patterns are matched against the end of a file's path, in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cftray.errors import DataError
from cftray.store.files import locate_files

XLSUM_NAMES: Final[Mapping[str, str]] = {
    "ar": "arabic",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "hi": "hindi",
    "ja": "japanese",
    "zh": "chinese_simplified",
}
"""XL-Sum's own names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`pattern` of a path's end and an `example`, both with `{language}` where a file is for one language."""

    split: str
    pattern: str
    example: str


def _text(split: str, pattern: str, example: str) -> Layout:
    return Layout(split=split, pattern=rf"{pattern}(?:\.gz)?", example=example)


def _parquet(split: str, name: str, config: str, folder: str = "") -> Layout:
    """`config/name-00000-of-00001.parquet` or `config/name/0000.parquet`."""
    file = rf"{name}(?:-\d+-of-\d+|/[^/]+)?\.parquet"
    return Layout(split=split, pattern=rf"{config}/{file}", example=f"{folder or config}/{name}-*.parquet")


_SAME: Final = "context-{language}-question-{language}"
"""MLQA's name of a pair in one language."""

_BY_LANGUAGE: Final[Mapping[str, tuple[Layout, ...]]] = {
    "mlqa": (
        _text("test", rf"test-{_SAME}\.json", f"test-{_SAME}.json"),
        _parquet("test", "test", r"mlqa\.{language}\.{language}", "mlqa.{language}.{language}"),
        _text("dev", rf"dev-{_SAME}\.json", f"dev-{_SAME}.json"),
        _parquet("dev", "validation", r"mlqa\.{language}\.{language}", "mlqa.{language}.{language}"),
    ),
    "xquad": (
        _text("validation", r"xquad\.{language}\.json", "xquad.{language}.json"),
        _parquet("validation", "validation", r"xquad\.{language}", "xquad.{language}"),
    ),
    "xlsum": (
        _text("test", r"{language}_test\.jsonl", "{language}_test.jsonl"),
        _parquet("test", "test", "{language}"),
    ),
}
_WHOLE: Final[Mapping[str, tuple[Layout, ...]]] = {
    "ifeval": (
        _text("all", r"(?:ifeval_)?input_data\.jsonl", "input_data.jsonl"),
        _parquet("all", "train", "(?:data|default)", "data"),
    ),
    "alpaca_eval": (
        _text("eval", r"text_davinci_003[^/]*outputs?\.json", "text_davinci_003_outputs.json"),
        _text("eval", r"alpaca_eval\.json", "alpaca_eval.json"),
        _parquet("eval", "eval", "(?:data|default|alpaca_eval)", "alpaca_eval"),
    ),
    "mmlu": (
        _text("test", r"test\.jsonl", "test.jsonl"),
        _parquet("test", "test", "all"),
        _text("validation", r"val(?:idation)?\.jsonl", "validation.jsonl"),
        _parquet("validation", "validation", "all"),
    ),
    "hellaswag": (
        _text("validation", r"hellaswag_val[^/]*\.jsonl", "hellaswag_val.jsonl"),
        _parquet("validation", "validation", "(?:data|default)", "data"),
    ),
}
AS_GIVEN: Final = "as given"
"""The split of a file whose name says nothing, where the file itself was named and a benchmark is one file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The files of one split; several where the hub's Parquet lies in parts."""

    split: str
    files: tuple[Path, ...]


def find(benchmark: str, language: str, place: Path) -> Found:
    """The files of a benchmark in a language at `place`: a file, a folder or a pattern.

    Raises DataError where there are none, or more than one that could be meant.
    """
    files = locate_files(str(place))
    layouts = layouts_of(benchmark, language)
    for layout in layouts:
        fitting = [path for path in files if _fits(layout, path)]
        if fitting:
            return Found(split=layout.split, files=_one_or_parts(benchmark, fitting))
    if len(files) == 1 and files[0] == place and benchmark in _WHOLE:
        return Found(split=AS_GIVEN, files=(place,))
    raise DataError(_absent(benchmark, language, place, files, layouts))


def layouts_of(benchmark: str, language: str) -> list[Layout]:
    """How files of a benchmark in a language are called, the most wanted first."""
    if benchmark in _WHOLE:
        return list(_WHOLE[benchmark])
    name = XLSUM_NAMES.get(language, language) if benchmark == "xlsum" else language
    return [
        Layout(
            split=one.split,
            pattern=one.pattern.replace("{language}", name),
            example=one.example.replace("{language}", name),
        )
        for one in _BY_LANGUAGE[benchmark]
    ]


def _fits(layout: Layout, path: Path) -> bool:
    return re.search(rf"(?:^|/){layout.pattern}$", path.as_posix().lower()) is not None


def _one_or_parts(benchmark: str, files: Sequence[Path]) -> tuple[Path, ...]:
    if len(files) > 1 and any(path.suffix != ".parquet" or path.parent != files[0].parent for path in files):
        names = ", ".join(str(path) for path in files)
        raise DataError(f"{benchmark}: {names} could all be meant; give the folder or the file that is")
    return tuple(files)


def _absent(benchmark: str, language: str, place: Path, files: Sequence[Path], layouts: Sequence[Layout]) -> str:
    wanted = " or ".join(layout.example for layout in layouts)
    there = ", ".join(path.name for path in files[:5]) + (" …" if len(files) > 5 else "")
    cure = "put it there" if benchmark in _WHOLE else "put it there or leave the language out (evaluation.languages)"
    what = benchmark if benchmark in _WHOLE else f"{benchmark} in {language}"
    return f"{place}: no file of {what}; expected {wanted}, found {there}; {cure}"

"""Sentences that say the same in several languages, in the layout of FLORES: a file a language, aligned by line.

A file is named by its language, with or without its script, and by its split: `deu.devtest`, `deu_Latn.devtest`,
`de.txt`. Whatever else lies in the folder (a licence, a list of sources) is no language.
"""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

from cftray.data.reading.opening import opened
from cftray.errors import DataError, nearest
from cftray.mini.requests import parallel_sentences
from cftray.spec.analysis import MiniSentences, ParallelFiles, Sentences
from cftray.spec.languages import language_of

_NAME = re.compile(r"^(?P<code>[a-z]{2,3})(_[A-Z][a-z]{3}|_simpl|_trad)?\.(devtest|dev|test|txt)$")


def read_sentences(wanted: Sentences, folder: Path | None) -> dict[str, list[str]]:
    """Texts by language, the one that the others are set against first, the others by code.

    Raises DataError where the folder holds fewer than two languages, lacks one that is asked for, has two files
    of one, or the files do not fit each other line by line.
    """
    if isinstance(wanted, MiniSentences):
        return parallel_sentences(count=wanted.count, seed=wanted.seed)
    if folder is None or not folder.is_dir():
        raise DataError(f"no folder of parallel sentences ({folder}); give one in FLORES' layout, a file a language")
    files = _chosen(wanted, _files(folder), folder)
    texts = {language: _lines(path) for language, path in files.items()}
    _check_aligned(files, texts)
    lines = len(texts[wanted.pivot])
    if lines < wanted.count:
        raise DataError(
            f"{folder.name}: {lines} lines a language, {wanted.count} were asked for; lower sentences.count"
        )
    drawn = sorted(Random(f"sentences/{wanted.seed}").sample(range(lines), wanted.count))
    return {language: [_sentence(files[language], of, place) for place in drawn] for language, of in texts.items()}


def _files(folder: Path) -> dict[str, list[Path]]:
    """By language; several are two scripts of it, or two splits."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        name = _NAME.match(path.name)
        if name is None or not path.is_file():
            continue
        language = language_of(name["code"])
        code = language.code if language else name["code"]
        found.setdefault(code, []).append(path)
    return found


def _chosen(wanted: ParallelFiles, files: dict[str, list[Path]], folder: Path) -> dict[str, Path]:
    """The pivot first. Raises DataError where a language is absent or there twice, or no second one is there."""
    others = wanted.languages or tuple(sorted(files))
    order = [wanted.pivot, *(one for one in others if one != wanted.pivot)]
    for one in order:
        if one not in files:
            raise DataError(f"{folder.name}: has no file for {one}; {nearest(one, files)}")
        if len(files[one]) > 1:
            names = " and ".join(path.name for path in files[one][:2])
            raise DataError(
                f"{folder.name}: {names} are both {one}; keep one of them, or name the others in sentences.languages"
            )
    if len(order) < 2:
        raise DataError(f"{folder.name}: holds {wanted.pivot} alone; give a second language, aligned by line")
    return {one: files[one][0] for one in order}


def _lines(path: Path) -> list[str]:
    with opened(path) as text:
        return [line.rstrip("\r\n") for line in text]


def _check_aligned(files: dict[str, Path], texts: dict[str, list[str]]) -> None:
    counts = {files[language].name: len(of) for language, of in texts.items()}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DataError(f"the files have different numbers of lines ({told}), so they are not aligned by line")


def _sentence(path: Path, lines: list[str], place: int) -> str:
    sentence = lines[place].strip()
    if not sentence:
        raise DataError(f"{path.name}, line {place + 1}: is empty; every line needs its sentence in every language")
    if any("\ud800" <= one <= "\udfff" for one in sentence):
        raise DataError(f"{path.name}, line {place + 1}: is not UTF-8; convert the file")
    return sentence

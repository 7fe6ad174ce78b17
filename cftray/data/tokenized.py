"""Tokenised samples of a phase, in a folder that is read through memory maps.

All samples lie end to end: `tokens.npy` (int32), `supervised.npy` (uint8, 1 where a token is a target
of the loss), `offsets.npy` (int64, n + 1 boundaries), `languages.npy` (uint16, an index into
`meta.json`'s `languages`). `meta.json` is written last: without it the folder does not count.
"""

from __future__ import annotations

import array
import hashlib
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cftray.errors import DataError
from cftray.store.atomic import write_atomic

HEADER_BYTES = 128
"""Length of the .npy header: fixed, so that the count can be filled in when the last sample is written."""

BLOCK = 4096
"""Samples counted at a time: a sum by sample widens every mark to eight bytes."""


class TokenizedWriter:
    """Writes samples as they come; ten bytes a sample are held in memory."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._digest = hashlib.sha256()
        self._tokens = _opened(folder / "tokens.npy")
        self._supervised = _opened(folder / "supervised.npy")
        self._lengths = array.array("q")
        self._languages = array.array("H")
        self._names: dict[str, int] = {}

    def add(self, tokens: Sequence[int] | np.ndarray, supervised: Sequence[int] | np.ndarray, language: str) -> None:
        """Append one sample; as `extend`."""
        self.extend(tokens, supervised, [len(tokens)], [language])

    def extend(
        self,
        tokens: Sequence[int] | np.ndarray,
        supervised: Sequence[int] | np.ndarray,
        lengths: Sequence[int] | np.ndarray,
        languages: Sequence[str],
    ) -> None:
        """Append samples that lie end to end, `lengths` tokens and a language each.

        The first token of a sample has nothing before it to be predicted from, so it is never
        supervised, whatever the caller says. Raises DataError for an empty or lopsided sample.
        """
        sizes = np.asarray(lengths, dtype="<i8")
        self._refuse_lopsided(len(tokens), len(supervised), sizes, len(languages))
        ids = np.asarray(tokens, dtype="<i4")
        marks = (np.asarray(supervised) != 0).astype("u1")
        ends = np.cumsum(sizes)
        marks[ends - sizes] = 0
        raw_ids, raw_marks = memoryview(ids.tobytes()), memoryview(marks.tobytes())
        for start, end in itertools.pairwise([0, *ends.tolist()]):
            self._digest.update(raw_ids[4 * start : 4 * end])
            self._digest.update(raw_marks[start:end])
        self._tokens.write(raw_ids)
        self._supervised.write(raw_marks)
        self._lengths.extend(sizes.tolist())
        self._languages.extend(self._names.setdefault(language, len(self._names)) for language in languages)

    def _refuse_lopsided(self, tokens: int, marks: int, lengths: np.ndarray, languages: int) -> None:
        whole = int(lengths.sum())
        if len(lengths) == languages and whole == tokens == marks and (lengths > 0).all():
            return
        first = len(self._lengths)
        which = f"sample {first}" if len(lengths) == 1 else f"samples {first} to {first + len(lengths) - 1}"
        raise DataError(
            f"{which}: {tokens} tokens, {marks} marks of supervision and {languages} languages for lengths "
            f"of {whole} in all; a sample needs at least one token, one mark for each, and a language"
        )

    def close(self, **meta: Any) -> None:
        """Finish the folder; `meta` is any JSON, such as `template_text`."""
        offsets: np.ndarray = np.zeros(len(self._lengths) + 1, dtype="<i8")
        np.cumsum(np.frombuffer(self._lengths, dtype="i8"), out=offsets[1:])
        total = int(offsets[-1])
        for file, kind in ((self._tokens, "<i4"), (self._supervised, "|u1")):
            file.seek(0)
            file.write(_header(kind, total))
            file.close()
        np.save(self.folder / "offsets.npy", offsets)
        np.save(self.folder / "languages.npy", np.frombuffer(self._languages, dtype="u2").astype("<u2"))
        self._digest.update(offsets.tobytes())
        facts = {
            **meta,
            "samples": len(self._lengths),
            "tokens": total,
            "languages": list(self._names),
            "digest": self._digest.hexdigest(),
        }
        write_atomic(self.folder / "meta.json", json.dumps(facts, ensure_ascii=False, indent=1))


class TokenizedData:
    """A folder that a TokenizedWriter has finished; opening it reads no more than the headers."""

    def __init__(self, folder: Path, meta: dict[str, Any]) -> None:
        self.folder = folder
        self.meta = meta
        self._tokens = _mapped(folder / "tokens.npy", meta["tokens"])
        self._supervised = _mapped(folder / "supervised.npy", meta["tokens"])
        self._offsets = _mapped(folder / "offsets.npy", meta["samples"] + 1)
        self._languages = _mapped(folder / "languages.npy", meta["samples"])
        if self._offsets[-1] != meta["tokens"]:
            raise ValueError(f"offsets.npy ends at {self._offsets[-1]}, meta.json counts {meta['tokens']} tokens")

    @classmethod
    def open(cls, folder: Path) -> TokenizedData:
        """Raises DataError where the folder is unfinished or its files do not fit together."""
        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            return cls(folder, meta)
        except (OSError, ValueError, KeyError) as error:
            raise DataError(f"{folder} holds no finished tokenised data ({error}); make it again") from error

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @property
    def digest(self) -> str:
        """sha256 over tokens, supervision and offsets."""
        return str(self.meta["digest"])

    def tokens(self, sample: int) -> np.ndarray:
        """int32 token ids of one sample."""
        return self._tokens[self._offsets[sample] : self._offsets[sample + 1]]

    def supervised(self, sample: int) -> np.ndarray:
        """uint8, 1 where the token of the same index is a target of the loss."""
        return self._supervised[self._offsets[sample] : self._offsets[sample + 1]]

    def samples(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
        """The samples `first` to `last - 1` end to end, as `TokenizedWriter.extend` takes them."""
        offsets, names = self._offsets[first : last + 1], self.meta["languages"]
        place = slice(offsets[0], offsets[-1])
        languages = [names[code] for code in self._languages[first:last].tolist()]
        return self._tokens[place], self._supervised[place], np.diff(offsets), languages

    def lengths(self) -> np.ndarray:
        """int64 (n,): tokens of each sample."""
        return np.diff(self._offsets)

    def supervised_counts(self) -> np.ndarray:
        """int64 (n,): supervised tokens of each sample."""
        counts: np.ndarray = np.zeros(len(self), dtype=np.int64)
        for first in range(0, len(self), BLOCK):
            bounds = self._offsets[first : first + BLOCK + 1]
            marks = self._supervised[bounds[0] : bounds[-1]]
            np.add.reduceat(marks, bounds[:-1] - bounds[0], dtype=np.int64, out=counts[first : first + BLOCK])
        return counts

    def largest_token(self) -> int:
        """The highest token id of all; -1 where there is none."""
        return int(self._tokens.max(initial=-1))

    def language(self, sample: int) -> str:
        """The language of one sample, as its writer was told."""
        return str(self.meta["languages"][self._languages[sample]])

    def composition(self, first: int | None = None) -> dict[str, dict[str, int]]:
        """By language: samples, tokens, supervised tokens; of the first `first` samples, or of all."""
        names = self.meta["languages"]
        codes = self._languages[:first]
        columns = {"tokens": self.lengths()[:first], "supervised_tokens": self.supervised_counts()[:first]}
        samples = np.bincount(codes, minlength=len(names))
        sums = {name: np.bincount(codes, weights=column, minlength=len(names)) for name, column in columns.items()}
        return {
            language: {"samples": int(samples[code]), **{name: int(of[code]) for name, of in sums.items()}}
            for code, language in enumerate(names)
            if samples[code]
        }


def _header(kind: str, count: int) -> bytes:
    """A version 1.0 .npy header of exactly HEADER_BYTES (numpy.lib.format)."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': ({count},), }}"
    room = HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + room.to_bytes(2, "little") + (text.ljust(room - 1) + "\n").encode("ascii")


def _opened(path: Path) -> BinaryIO:
    file = open(path, "wb")  # noqa: SIM115 - the writer closes it
    file.write(b"\0" * HEADER_BYTES)
    return file


def _mapped(path: Path, count: int) -> np.ndarray:
    """A plain view of the map: slices of a `np.memmap` are ten times as slow."""
    found = np.load(path, mmap_mode="r" if count else None)
    if found.shape != (count,):
        raise ValueError(f"{path.name} holds {found.shape} values, meta.json says {count}")
    return np.asarray(found)

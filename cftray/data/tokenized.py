"""Tokenised samples of a phase, in a folder that is read through memory maps.

All samples lie end to end: `tokens.npy` (int32), `supervised.npy` (uint8, 1 where a token is a target
of the loss), `offsets.npy` (int64, n + 1 boundaries), `languages.npy` (uint16, an index into
`meta.json`'s `languages`). `meta.json` is written last: without it the folder does not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cftray.errors import DataError
from cftray.store.atomic import write_atomic

HEADER_BYTES = 128
"""Length of the .npy header: fixed, so that the count can be filled in when the last sample is written."""


class TokenizedWriter:
    """Writes samples as they come; nothing but the offsets is held in memory."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._digest = hashlib.sha256()
        self._tokens = _opened(folder / "tokens.npy")
        self._supervised = _opened(folder / "supervised.npy")
        self._offsets = [0]
        self._languages: list[int] = []
        self._names: dict[str, int] = {}

    def add(self, tokens: Sequence[int] | np.ndarray, supervised: Sequence[int] | np.ndarray, language: str) -> None:
        """Append one sample.

        The first token of a sample has nothing before it to be predicted from, so it is never
        supervised, whatever the caller says. Raises DataError for an empty or lopsided sample.
        """
        if not len(tokens) or len(tokens) != len(supervised):
            raise DataError(
                f"sample {len(self._languages)} has {len(tokens)} tokens and {len(supervised)} marks of "
                "supervision; a sample needs at least one token and one mark for each"
            )
        ids = np.asarray(tokens, dtype="<i4")
        marks = (np.asarray(supervised) != 0).astype("u1")
        marks[0] = 0
        for file, part in ((self._tokens, ids), (self._supervised, marks)):
            raw = part.tobytes()
            file.write(raw)
            self._digest.update(raw)
        self._offsets.append(self._offsets[-1] + len(ids))
        self._languages.append(self._names.setdefault(language, len(self._names)))

    def close(self, **meta: Any) -> None:
        """Finish the folder; `meta` is any JSON, such as `template_text`."""
        total = self._offsets[-1]
        for file, kind in ((self._tokens, "<i4"), (self._supervised, "|u1")):
            file.seek(0)
            file.write(_header(kind, total))
            file.close()
        offsets = np.asarray(self._offsets, dtype="<i8")
        np.save(self.folder / "offsets.npy", offsets)
        np.save(self.folder / "languages.npy", np.asarray(self._languages, dtype="<u2"))
        self._digest.update(offsets.tobytes())
        facts = {
            **meta,
            "samples": len(self._languages),
            "tokens": total,
            "languages": list(self._names),
            "digest": self._digest.hexdigest(),
        }
        write_atomic(self.folder / "meta.json", json.dumps(facts, ensure_ascii=False, indent=1))


class TokenizedData:
    """A folder that a TokenizedWriter has finished."""

    def __init__(self, folder: Path, meta: dict[str, Any]) -> None:
        self.folder = folder
        self.meta = meta
        self._tokens = _mapped(folder / "tokens.npy", meta["tokens"])
        self._supervised = _mapped(folder / "supervised.npy", meta["tokens"])
        self._offsets = np.load(folder / "offsets.npy")
        self._languages = np.load(folder / "languages.npy")

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

    def lengths(self) -> np.ndarray:
        """int64 (n,): tokens of each sample."""
        return np.diff(self._offsets)

    def supervised_counts(self) -> np.ndarray:
        """int64 (n,): supervised tokens of each sample."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        return np.add.reduceat(self._supervised, self._offsets[:-1], dtype=np.int64)

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
    if count == 0:
        return np.load(path)
    array = np.load(path, mmap_mode="r")
    if array.shape != (count,):
        raise ValueError(f"{path.name} holds {array.shape} values, meta.json says {count}")
    return array

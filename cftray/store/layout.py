"""Paths of the store, and reading and writing of records."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO

from cftray.errors import InternalError
from cftray.plan import Plan
from cftray.plan.canonical import canonical, sha256_of
from cftray.store.atomic import write_exclusive
from cftray.store.jobfolder import JobFolder
from cftray.store.leases import FileLeases
from cftray.store.records import Failure, Output, Record
from cftray.store.sweepfolder import SweepFolder

CHUNK = 1 << 20


class Store:
    """A store on a file system that all nodes share."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def parts(self) -> Path:
        """Pieces of results that stages share, each in a folder named by the digest of what it follows from."""
        return self.root / "parts"

    def stage_folder(self, fingerprint: str) -> Path:
        """The folder of a stage, whether or not it exists."""
        return self.root / "stages" / fingerprint[:2] / fingerprint

    def attempt_folder(self, fingerprint: str, token: int) -> Path:
        """The folder in which the holder of lease `token` writes."""
        return self.stage_folder(fingerprint) / "attempts" / str(token)

    def leases(self, fingerprint: str) -> FileLeases:
        """The leases of one stage."""
        return FileLeases(self.stage_folder(fingerprint) / "leases")

    def job(self, experiment: str, attempt: int) -> JobFolder:
        """The folder through which a job and the control plane speak."""
        return JobFolder(self.root / "jobs" / experiment / str(attempt))

    def sweep(self, identifier: str, plan: Plan) -> SweepFolder:
        """What is known of a sweep's trials under this plan; nothing where one of its fingerprints is another."""
        basis = sha256_of([node.fingerprint for node in plan.stages])
        return SweepFolder(self.root / "sweeps" / identifier / basis[:16])

    def record(self, fingerprint: str) -> Record | None:
        """The stage's record, or None while it has none."""
        try:
            text = (self.stage_folder(fingerprint) / "record.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        return Record.model_validate_json(text)

    def failure(self, fingerprint: str) -> Failure | None:
        """Of a stage without a record: why its newest attempt failed, whoever's it was. None before the first attempt,
        while one is at it, and where it was stopped."""
        leases = self.leases(fingerprint)
        newest = leases.holder()
        end = leases.end(newest[0]) if newest is not None else None
        return None if end is None else end.failure

    def write_record(self, record: Record) -> bool:
        """Write the record, exclusively. False where another attempt's record is there already."""
        path = self.stage_folder(record.fingerprint) / "record.json"
        return write_exclusive(path, canonical(record) + "\n")

    def put_aside(self, record: Record) -> None:
        """Take back a record that lacked something, so that the stage runs again; it becomes `record.without.json`.

        For who holds the stage's lease: without it, it could be another's new record by now.
        """
        folder = self.stage_folder(record.fingerprint)
        (folder / "record.json").rename(folder / "record.without.json")

    def output(self, record: Record, name: str) -> Path:
        """The path of a recorded output. Raises InternalError where the record has none."""
        if name not in record.outputs:
            raise InternalError(f"{record.title} has no output {name} ({', '.join(record.outputs)})")
        return self.stage_folder(record.fingerprint) / record.outputs[name].path

    def describe(self, fingerprint: str, path: Path) -> Output:
        """An output's relative path, sha256 and size in bytes; a folder counts by its files."""
        relative = path.relative_to(self.stage_folder(fingerprint)).as_posix()
        digest, size = hash_tree(path)
        return Output(path=relative, sha256=digest, size=size)


def hash_tree(path: Path) -> tuple[str, int]:
    """(sha256, bytes) of a file, or of a folder by its files' relative names and contents."""
    if path.is_file():
        return hash_file(path), path.stat().st_size
    whole, size = hashlib.sha256(), 0
    for file in sorted(one for one in path.rglob("*") if one.is_file()):
        whole.update(f"{file.relative_to(path).as_posix()}\0{hash_file(file)}\n".encode())
        size += file.stat().st_size
    return whole.hexdigest(), size


def hash_file(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hash_stream(file)


def hash_stream(file: IO[bytes], copy: IO[bytes] | None = None) -> str:
    """Hexadecimal sha256 of what is left in a file, which is also written to `copy`."""
    whole = hashlib.sha256()
    while chunk := file.read(CHUNK):
        whole.update(chunk)
        if copy is not None:
            copy.write(chunk)
    return whole.hexdigest()

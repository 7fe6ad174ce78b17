"""Records of a Parquet file, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cftray.data.reading.records import Numbered
from cftray.errors import DataError

BATCH = 1024


def parquet(path: Path) -> Iterator[Numbered]:
    """Raises DataError where the file is damaged."""
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BATCH):
                for record in batch.to_pylist():
                    number += 1
                    yield "row", number, record
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path.name}, after row {number}: damaged Parquet ({reason}); fetch it again") from error

"""Real data sets, whole: read, previewed, tokenised, and laid into steps, in the formats in which people have them.

    CFTRAY_REAL_DATA=folder python -m pytest -m slow tests/integration/test_real_files.py

The folder holds `alpaca/alpaca_data.json`, `multialpaca/{es,ja}.jsonl`, `alpaca_de/…`, `seed_tasks/…`, `orca_dpo/…`
as they are published.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from cftray.data import tokenize
from cftray.data.adapters import read_rows
from cftray.data.looking import Means, rows_for_preview
from cftray.data.order import steps_of
from cftray.data.packing import micro_batches
from cftray.data.preview import Viewer
from cftray.data.reading import stage as reading
from cftray.data.tokenized import TokenizedData
from cftray.plan import ReadRowsConfig, TokenizeConfig
from cftray.plan.reading import rows_source
from cftray.spec import ExecutionSpec, FileData
from cftray.spec.hyperparameters import Hyperparameters
from cftray.stage import StageContext
from cftray.store import LeafDigests

pytestmark = pytest.mark.slow

MAX_LENGTH, GLOBAL_BATCH, MICRO_BATCH = 1024, 64, 8192
SEED_TASKS = {"adapter": "columns", "columns": {"instruction": "instruction", "output": "instances.0.output"}}
SETS: dict[str, tuple[dict[str, Any], int]] = {
    "alpaca": ({"path": "alpaca/alpaca_data.json"}, 51_974),
    "alpaca_de": ({"path": "alpaca_de/translated_tasks_de_openai_12k.json", "language": "de"}, 12_000),
    "multialpaca": (
        {"path": "multialpaca", "adapter": "multialpaca", "languages": {"by": "file"}},
        20_148,
    ),
    "seed_tasks_fr": ({"path": "seed_tasks/seed_tasks.fr.jsonl", "language": "fr", **SEED_TASKS}, 175),
    "seed_tasks_ru": ({"path": "seed_tasks/seed_tasks.ru.jsonl", "language": "ru", **SEED_TASKS}, 137),
    "seed_tasks_zh": ({"path": "seed_tasks/seed_tasks.zh.jsonl", "language": "zh", **SEED_TASKS}, 175),
    "orca": ({"path": "orca_dpo/validation.jsonl", "adapter": "chat"}, 284),
}


@pytest.fixture(scope="module")
def folder() -> Path:
    place = os.environ.get("CFTRAY_REAL_DATA")
    if not place:
        pytest.skip("set CFTRAY_REAL_DATA to a folder with the published files")
    return Path(place)


def byte_level(rows: list[Any], place: Path) -> Path:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2048, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet, show_progress=False
    )
    inner.train_from_iterator((f"{row.instruction} {row.input} {row.output}" for row in rows[:2000]), trainer)
    PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>").save_pretrained(place)
    return place


def context(place: Path) -> StageContext:
    place.mkdir()
    return StageContext(folder=place, execution=ExecutionSpec(), workers=None, stop=place.parent / "stop")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_read_previewed_and_packed_whole(name: str, folder: Path, tmp_path: Path) -> None:
    given, expected = SETS[name]
    data = FileData.model_validate(given | {"path": str(folder / given["path"])})
    read = reading.run(ReadRowsConfig(source=rows_source(data)), {"files": Path(data.path)}, context(tmp_path / "rows"))
    rows = read_rows(read.outputs["rows"] / "rows.jsonl")
    assert len(rows) == expected

    model = byte_level(rows, tmp_path / "model")
    means = Means(digests=LeafDigests(tmp_path / "leaves"))
    seen = Viewer("alpaca", model).preview(rows_for_preview(data, 100, means), max_length=MAX_LENGTH, shown=3)
    assert len(seen.rows) == 3

    config = TokenizeConfig(template="alpaca", max_length=MAX_LENGTH)
    made = tokenize.run(config, {"rows": read.outputs["rows"], "model": model}, context(tmp_path / "tokens"))
    tokens = TokenizedData.open(made.outputs["tokens"])
    assert len(tokens) + made.metrics["without_supervised_tokens"] == len(rows)

    hyperparameters = Hyperparameters(learning_rate=1e-3, epochs=1, global_batch=GLOBAL_BATCH, max_length=MAX_LENGTH)
    lengths = tokens.lengths()
    order = steps_of(lengths, hyperparameters, seed=17)
    met: Counter[int] = Counter()
    laid = supervised = 0
    for step in range(len(order)):
        samples = order[step]
        assert len(samples) == GLOBAL_BATCH or step == len(order) - 1
        met.update(samples.tolist())
        for rank in range(2):
            for batch in micro_batches(tokens, samples, lengths, rank=rank, ranks=2, bound=MICRO_BATCH):
                if not batch.empty:
                    laid += len(batch.input_ids)
                    supervised += len(batch.targets)
    assert met == Counter(range(len(tokens)))
    assert laid == int(np.sum(lengths))
    assert supervised == int(np.sum(tokens.supervised_counts()))

"""The pretraining text and what counts in its loss."""

from __future__ import annotations

from cftray.mini.base_model import CHANCE_WEIGHT, weighted
from cftray.mini.corpus import MARK, documents
from cftray.mini.tokenizer import build


def test_marks_weigh_tokens_and_leave_no_trace() -> None:
    tokenizer = build()
    ids, weights = weighted(tokenizer, f"Where does Anna live? {MARK}Paris{MARK}.\n- {MARK}cat, dog{MARK}")
    assert tokenizer.decode(ids) == "Where does Anna live? Paris.\n- cat, dog"
    heavy = [
        tokenizer.id_to_token(token) for token, weight in zip(ids, weights, strict=True) if weight == 1.0
    ]
    assert heavy == ["▁Paris", "▁cat", ",", "▁dog"]
    assert set(weights) == {1.0, CHANCE_WEIGHT}


def test_every_document_has_something_to_learn() -> None:
    for progress in (0.0, 0.5):
        stream = documents(seed=3, progress=lambda at=progress: at)
        assert all(next(stream).count(MARK) >= 2 for _ in range(200))

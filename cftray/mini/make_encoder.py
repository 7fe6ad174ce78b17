"""Remake the sentence encoder: `python -m cftray.mini.make_encoder [--out DIR]`.

A bag of word vectors over the miniature's tokenizer in sentence-transformers' own format, trained so
that a text lies near its counterpart in another language and far from the rest of its batch.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, Final

from cftray.mini.datasets import DATA_VERSION, family_a, reasoned, sentence
from cftray.mini.lexicon import LANGUAGES
from cftray.mini.samples import is_reserved
from cftray.mini.tokenizer import build

ENCODER: Final = Path(__file__).parent / "encoder"
WIDTH: Final = 96
STEPS: Final = 500
BATCH: Final = 192
TEMPERATURE: Final = 0.07


def _text(rng: Random, language: str) -> str:
    """A sentence of the world, or a whole task with its response."""
    kind = rng.random()
    if kind < 0.5:
        return sentence(rng, language)
    draft = (family_a if kind < 0.8 else reasoned)(rng, language)
    return "\n".join(part for part in (draft.instruction, draft.input, draft.output) if part)


def pairs(rng: Random, number: int) -> list[tuple[str, str]]:
    """Texts and their counterparts in another language, none of them kept for evaluation."""
    found: list[tuple[str, str]] = []
    while len(found) < number:
        source = rng.random()
        if not is_reserved(_text(Random(source), "en")):
            one, other = rng.sample(LANGUAGES, 2)
            found.append((_text(Random(source), one), _text(Random(source), other)))
    return found


def train(tokenizer: Any, *, seed: int) -> tuple[Any, list[float]]:
    """Word vectors, and the mean loss of each fifth of the training."""
    import torch

    torch.manual_seed(seed)
    bag = torch.nn.EmbeddingBag(tokenizer.get_vocab_size(), WIDTH, mode="mean")
    torch.nn.init.normal_(bag.weight, std=0.3)
    optimizer = torch.optim.Adam(bag.parameters(), lr=0.02)

    def embed(texts: list[str]) -> Any:
        ids = [found.ids for found in tokenizer.encode_batch(texts, add_special_tokens=False)]
        offsets = [0, *accumulate(len(one) for one in ids)][:-1]
        flat = torch.tensor([token for one in ids for token in one])
        return torch.nn.functional.normalize(bag(flat, torch.tensor(offsets)), dim=-1)

    rng, losses = Random(f"encoder/{seed}"), list[float]()
    for _ in range(STEPS):
        batch = pairs(rng, BATCH)
        near = embed([one for one, _ in batch]) @ embed([other for _, other in batch]).T / TEMPERATURE
        target = torch.arange(BATCH)
        loss = (
            torch.nn.functional.cross_entropy(near, target)
            + torch.nn.functional.cross_entropy(near.T, target)
        ) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    fifth = STEPS // 5
    return bag.weight.detach(), [round(sum(losses[i : i + fifth]) / fifth, 4) for i in range(0, STEPS, fifth)]


def make(folder: Path, *, seed: int) -> dict[str, Any]:
    """Train, write the encoder and its record; returns the record."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    started = time.monotonic()
    tokenizer = build()
    weights, losses = train(tokenizer, seed=seed)
    modules = [StaticEmbedding(tokenizer, embedding_weights=weights.numpy()), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder), create_model_card=False)
    record = {
        "command": f"python -m cftray.mini.make_encoder --seed {seed}",
        "data": f"parallel texts of cftray.mini.datasets, data version {DATA_VERSION}",
        "width": WIDTH,
        "steps": STEPS,
        "batch": BATCH,
        "loss_by_fifth": losses,
        "seconds": round(time.monotonic() - started, 1),
        "packages": {name: version(name) for name in ("torch", "sentence-transformers", "tokenizers")},
        "python": platform.python_version(),
    }
    (folder / "RECORD.json").write_text(json.dumps(record, indent=2) + "\n")
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ENCODER)
    parser.add_argument("--seed", type=int, default=11)
    given = parser.parse_args()
    print(json.dumps(make(given.out, seed=given.seed)))


if __name__ == "__main__":
    main()

"""Remake the evaluation task pack: `python -m cftray.mini.make_tasks [--out DIR]`.

Every item is drawn from the tasks reserved for evaluation, so no data set can hold it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

from cftray.mini import quiz
from cftray.mini.demands import any_demand
from cftray.mini.facts import OPPOSITES
from cftray.mini.formats import KINDS
from cftray.mini.lexicon import KIND_OF, THINGS, members
from cftray.mini.pack import LA_LANGUAGES, PACK_VERSION, TASKS_FOLDER
from cftray.mini.samples import GENERATORS, Sample, headline, is_reserved, passage, sample_key

SEED: Final = 2026
IFEVAL_PER_KIND: Final = 16
ALPACA_ITEMS: Final = 180
ALPACA_SHARES: Final[dict[str, int]] = {
    "antonym": 1,
    "category": 4,
    "fact": 2,
    "list": 1,
    "reverse": 3,
    "count": 2,
    "first": 3,
    "last": 3,
    "odd": 3,
    "passage": 6,
}
MMLU_ITEMS: Final = 220
MMLU_CHOICE_SETS: Final = 3
"""How often one reserved question may come, each time with other choices."""
HELLASWAG_ITEMS: Final = 160
LA_ITEMS: Final = 44

Item = dict[str, Any]


def user_text(sample: Sample) -> str:
    """A sample as one user message: the input follows the instruction on a line of its own."""
    return f"{sample.instruction}\n{sample.input}" if sample.input else sample.instruction


def ifeval_items() -> list[Item]:
    rng, seen = Random(f"ifeval/{SEED}"), dict[str, Item]()
    room = dict.fromkeys(KINDS, IFEVAL_PER_KIND)
    while any(room.values()):
        demand = any_demand(rng)
        text = demand.instruction
        if room[demand.kind] and text not in seen and is_reserved(f"{text}\n"):
            room[demand.kind] -= 1
            seen[text] = {
                "prompt": text,
                "kind": demand.kind,
                "word": demand.word,
                "number": demand.number,
            }
    return sorted(seen.values(), key=lambda item: KINDS.index(item["kind"]))


def _rival(rng: Random, sample: Sample) -> str:
    """The reference answer: right in half of the cases, else a word of the right kind in the wrong place."""
    if rng.random() < 0.5:
        return sample.sentence
    words = sample.answer.split(", ")
    place = rng.randrange(len(words))
    old = words[place]
    if sample.kind == "list":
        pool: tuple[str, ...] = tuple(word for word in THINGS if KIND_OF[word] != KIND_OF[old])
    else:
        pool = tuple(OPPOSITES) if old in OPPOSITES else members(KIND_OF.get(old, "kind"))
    words[place] = rng.choice([word for word in pool if word not in words])
    return ", ".join(words)


def alpaca_items() -> list[Item]:
    rng, seen = Random(f"alpaca_eval/{SEED}"), dict[str, Item]()
    while len(seen) < ALPACA_ITEMS:
        kind = rng.choices(list(ALPACA_SHARES), list(ALPACA_SHARES.values()))[0]
        sample = GENERATORS[kind](rng, "en")
        text = user_text(sample)
        if text in seen or not is_reserved(sample_key(sample)):
            continue
        words = sample.answer.split(", ")
        seen[text] = {
            "prompt": text,
            "kind": kind,
            "question": sample.instruction,
            "answer": sample.answer,
            "topic": KIND_OF[words[0]] if kind == "list" else "",
            "number": len(words),
            "reference": _rival(rng, sample),
        }
    return list(seen.values())


def _quiz_items(
    name: str, make: Callable[[Random], quiz.Question], number: int, prompt: Callable[[quiz.Question], str]
) -> list[Item]:
    rng, used = Random(f"{name}/{SEED}"), dict[str, list[frozenset[str]]]()
    items: list[Item] = []
    while len(items) < number:
        asked = make(rng)
        earlier = used.setdefault(asked.text, [])
        choices = frozenset(asked.choices)
        if not is_reserved(asked.text) or len(earlier) >= MMLU_CHOICE_SETS or choices in earlier:
            continue
        earlier.append(choices)
        items.append(
            {
                "prompt": prompt(asked),
                "kind": asked.kind,
                "choices": list(asked.choices),
                "gold": asked.gold,
            }
        )
    return items


def reserved_samples(make: Callable[[Random, str], Sample], name: str, language: str) -> Iterator[Sample]:
    """Samples in a language whose English form is reserved."""
    number = 0
    while True:
        source = f"{name}/{language}/{SEED}/{number}"
        number += 1
        if is_reserved(sample_key(make(Random(source), "en"))):
            yield make(Random(source), language)


def la_items(benchmark: str, language: str) -> list[Item]:
    make = headline if benchmark == "xlsum" else passage
    items: list[Item] = []
    for sample in reserved_samples(make, benchmark, language):
        if (benchmark == "xquad") != sample.about_objects and benchmark != "xlsum":
            continue
        items.append({"prompt": user_text(sample), "answer": sample.answer})
        if len(items) == LA_ITEMS:
            return items
    raise AssertionError("the stream of samples has no end")


def _yaml(task: str, file: str, kind: dict[str, Any]) -> str:
    """A task file; JSON values are YAML, the two function tags are written by hand."""
    scorer = kind.pop("process_results", None)
    head = [f"task: {task}", "custom_dataset: !function cftray.mini.scores.load"]
    if scorer:
        head.append(f"process_results: !function cftray.mini.scores.{scorer}")
    body = {"dataset_kwargs": {"file": file}, "test_split": "test", "num_fewshot": 0, **kind}
    body["metadata"] = {"version": PACK_VERSION}
    return "\n".join([*head, *(f"{key}: {json.dumps(value)}" for key, value in body.items())]) + "\n"


def _generated(scorer: str, metrics: tuple[str, ...], tokens: int, until: list[str]) -> dict[str, Any]:
    return {
        "process_results": scorer,
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "",
        "generation_kwargs": {"until": until, "do_sample": False, "max_gen_toks": tokens},
        "metric_list": [
            {"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in metrics
        ],
    }


def _scored(metrics: tuple[str, ...]) -> dict[str, Any]:
    return {
        "output_type": "multiple_choice",
        "doc_to_text": "{{prompt}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{gold}}",
        "metric_list": [
            {"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in metrics
        ],
    }


def files() -> dict[str, str]:
    """Every file of the pack by name."""
    made: dict[str, tuple[list[Item], dict[str, Any]]] = {
        "ifeval_mini": (ifeval_items(), _generated("ifeval", ("prompt_level_strict_acc",), 32, ["</s>"])),
        "alpaca_eval_mini": (alpaca_items(), _generated("win_rate", ("win_rate",), 32, ["</s>"])),
        "mmlu_mini": (_quiz_items("mmlu", quiz.question, MMLU_ITEMS, quiz.prompt), _scored(("acc",))),
        "hellaswag_mini": (
            _quiz_items("hellaswag", quiz.evening, HELLASWAG_ITEMS, lambda asked: asked.text),
            _scored(("acc", "acc_norm")),
        ),
    }
    for language in LA_LANGUAGES:
        for benchmark in ("mlqa", "xquad"):
            answered = _generated("answer", ("f1", "exact_match"), 24, ["</s>", "\n"])
            made[f"{benchmark}_mini_{language}"] = (la_items(benchmark, language), answered)
        summed = _generated("summary", ("rouge_l",), 24, ["</s>", "\n"])
        made[f"xlsum_mini_{language}"] = (la_items("xlsum", language), summed)
    written: dict[str, str] = {}
    for task, (items, kind) in made.items():
        lines = [json.dumps(item, ensure_ascii=False) for item in items]
        written[f"{task}.jsonl"] = "\n".join(lines) + "\n"
        written[f"{task}.yaml"] = _yaml(task, f"{task}.jsonl", kind)
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TASKS_FOLDER)
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    made = files()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    print(f"{len(made)} files, {sum(text.count(chr(10)) for text in made.values())} lines in {folder.name}/")


if __name__ == "__main__":
    main()

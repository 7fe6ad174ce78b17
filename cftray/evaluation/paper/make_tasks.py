"""Writes the YAML files of the pack: `python -m cftray.evaluation.paper.make_tasks`.

How answers are generated, always greedily and from no example:

- ifeval, alpaca_eval: no stop string, for the answer may have any shape; it ends with the model's end of turn. 1,280
  tokens are lm-eval's for IFEval, and hold what chat models write to AlpacaEval
- mlqa, xquad: the answer is one line, so it ends at the first line end; 256 tokens are lm-eval's own default, and hold
  the longest right answer (some 200 characters) in scripts that take a token a character
- xlsum: no stop string: a summary may have several lines, and many chat models put a line before it. 384 tokens hold
  the longest summaries seen (some 350 characters) at a token a character

An answer that only its length ended is counted, never mended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cftray.evaluation.paper.pack import IFEVAL_METRICS, TASKS, TASKS_FOLDER
from cftray.evaluation.paper.wording import question_prompt, summary_prompt
from cftray.plan.packs import PackTask

_OPEN: Final = {"until": [], "do_sample": False, "max_gen_toks": 1280}
_LINE: Final = {"until": ["\n"], "do_sample": False, "max_gen_toks": 256}
_SUMMARY: Final = {"until": [], "do_sample": False, "max_gen_toks": 384}

_MMLU_ABOUT: Final = (
    "The following are multiple choice questions (with answers) about {{subject.replace('_', ' ')}}.\n\n"
)
_MMLU_QUESTION: Final = (
    "{{question.strip()}}\nA. {{choices[0]}}\nB. {{choices[1]}}\nC. {{choices[2]}}\nD. {{choices[3]}}\nAnswer:"
)


class Raw(str):
    """YAML that is written as it stands."""

    __slots__ = ()


_SCORING: Final = "!function cftray.evaluation.paper.scoring"

Field = str | int | Sequence[Any] | Mapping[str, Any]


def text_of(task: PackTask) -> str:
    """The YAML file of a task; values are JSON, which YAML understands, but for functions."""
    head: dict[str, Field] = {
        "task": task.task,
        "custom_dataset": Raw("!function cftray.evaluation.paper.sources.load"),
        "dataset_kwargs": {"source": task.source, "language": task.language},
        "test_split": "test",
        "num_fewshot": 0,
    }
    fields = head | _asked(task) | {"metric_list": _metrics(task), "metadata": {"version": 1}}
    return "".join(f"{name}: {_value(value)}\n" for name, value in fields.items())


def _asked(task: PackTask) -> dict[str, Field]:
    if task.benchmark == "mmlu":
        return {"description": _MMLU_ABOUT} | _chosen(_MMLU_QUESTION, ["A", "B", "C", "D"])
    if task.benchmark == "hellaswag":
        return _chosen("{{query}}", "{{choices}}")
    return _generated(task, *_PROMPTS[task.benchmark](task.language))


_PROMPTS: Final[Mapping[str, Callable[[str], tuple[str, Mapping[str, Any]]]]] = {
    "ifeval": lambda _: ("{{prompt}}", _OPEN),
    "alpaca_eval": lambda _: ("{{instruction}}", _OPEN),
    "mlqa": lambda _: (question_prompt("en"), _LINE),
    "xquad": lambda language: (question_prompt(language), _LINE),
    "xlsum": lambda language: (summary_prompt(language), _SUMMARY),
}
"""(prompt, settings) by language."""


def _generated(task: PackTask, prompt: str, settings: Mapping[str, Any]) -> dict[str, Field]:
    return {
        "output_type": "generate_until",
        "doc_to_text": prompt,
        "doc_to_target": "",
        "process_results": Raw(f"{_SCORING}.{task.benchmark}"),
        "generation_kwargs": settings,
    }


def _chosen(prompt: str, choices: str | list[str]) -> dict[str, Field]:
    return {
        "output_type": "multiple_choice",
        "doc_to_text": prompt,
        "doc_to_choice": choices,
        "doc_to_target": "gold",
    }


def _metrics(task: PackTask) -> Raw:
    parts = (
        f'{{"metric": "{name}", "aggregation": {_aggregation(name)}, "higher_is_better": true}}' for name in task.kept
    )
    return Raw(f"[{', '.join(parts)}]")


def _aggregation(name: str) -> str:
    pooled = name in IFEVAL_METRICS and name.startswith("inst_level")
    return f"{_SCORING}.pooled" if pooled else '"mean"'


def _value(value: Field) -> str:
    return value if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Write all files; other YAML files in the folder go."""
    TASKS_FOLDER.mkdir(exist_ok=True)
    for old in TASKS_FOLDER.glob("*.yaml"):
        old.unlink()
    for task in TASKS:
        (TASKS_FOLDER / f"{task.task}.yaml").write_text(text_of(task), encoding="utf-8")


if __name__ == "__main__":
    main()

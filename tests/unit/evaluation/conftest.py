"""A toy world for lm-eval: a random model of a few thousand weights, and a pack over local files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cftray.evaluation import packs, requests_stage, stage
from cftray.plan.packs import Pack, PackTask
from cftray.plan.stages import EvaluateConfig, RequestsConfig
from cftray.spec import ExecutionSpec
from cftray.stage import Artifact, Entry, Make, Progress, StageContext

WORDS = [f"w{n}" for n in range(40)]
SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m['role'] }} {{ m['content'] }} {% endfor %}\
{% if add_generation_prompt %}assistant {% endif %}"
OTHER_TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m['content'] }} {% endfor %}"

GENERATE = """\
task: {name}
custom_dataset: !function toy.{name}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["w7"], max_gen_toks: {longest}, do_sample: false}}
process_results: !function toy.overlap
metric_list:
  - {{metric: overlap, aggregation: mean, higher_is_better: true}}
"""
CHOOSE = """\
task: {name}
custom_dataset: !function toy.{name}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_target: 0
doc_to_choice: "{{{{choices}}}}"
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
"""
CODE = """\
def _rows(n, shift):
    from datasets import Dataset

    word = lambda k: f"w{k % 40}"
    return {"test": Dataset.from_list([
        {"id": f"q{i}", "question": " ".join(word(i * 3 + j + shift) for j in range(3 + i % 4)), "answer": word(i),
         "choices": [word(i + 1), word(i + 2) + " " + word(i + 3), word(i + 4)]}
        for i in range(n)])}


def toy_follow(**_):
    return _rows(11, 0)


def toy_choose(**_):
    return _rows(9, 1)


def toy_read_de(**_):
    return _rows(7, 2)


def toy_read_fr(**_):
    return _rows(7, 3)


def overlap(doc, results):
    return {"overlap": float(sum(map(ord, results[0])) % 5) / 4}


def toy_rules(**_):
    return _rows(6, 4)


def toy_judged(**_):
    return _rows(5, 5)


def rules(doc, results):
    if doc["id"] == "q3":
        return {"unscored": "its checker is missing"}
    kept = [len(results[0]) % (n + 2) == 0 for n in range(1 + int(doc["id"][1:]) % 3)]
    return {"strict": all(kept), "loose": kept, "told": results[0]}


def never(doc, results):
    raise AssertionError("a judged answer is not scored here")
"""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Threads that wait for each other are most of the time of so small a model."""
    import torch

    torch.set_num_threads(1)


def write_pack(folder: Path, code: str = CODE) -> Pack:
    """Two benchmarks of TA, one of LA in two languages."""
    (folder / "toy.py").write_text(code)
    for name in ("toy_follow", "toy_read_de", "toy_read_fr"):
        (folder / f"{name}.yaml").write_text(GENERATE.format(name=name, longest=6))
    (folder / "toy_choose.yaml").write_text(CHOOSE.format(name="toy_choose"))
    tasks = (
        PackTask(task="toy_follow", suite="ta", benchmark="ifeval", language="en", metric="overlap", chat=True),
        PackTask(task="toy_choose", suite="ta", benchmark="mmlu", language="en", metric="acc_norm", chat=False),
        PackTask(task="toy_read_de", suite="la", benchmark="xquad", language="de", metric="overlap", chat=True),
        PackTask(task="toy_read_fr", suite="la", benchmark="xquad", language="fr", metric="overlap", chat=True),
    )
    return Pack(name="mini", version=1, digest="d", tasks=tasks, include_path=folder)


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """See `write_pack`."""
    return write_pack(tmp_path_factory.mktemp("pack"))


@pytest.fixture(scope="session")
def odd_pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A benchmark of which one item can't be scored, and one that a judge scores."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "toy.py").write_text(CODE)
    for name, scorer in (("toy_rules", "rules"), ("toy_judged", "never")):
        text = GENERATE.format(name=name, longest=6).replace("toy.overlap", f"toy.{scorer}")
        (folder / f"{name}.yaml").write_text(text)
    tasks = (
        PackTask(
            task="toy_rules", suite="ta", benchmark="ifeval", language="en", metric="strict", metrics=("loose",),
            chat=True,
        ),
        PackTask(
            task="toy_judged", suite="ta", benchmark="alpaca_eval", language="en", metric="win_rate", chat=True,
            judged=True,
        ),
    )  # fmt: skip
    return Pack(name="mini", version=1, digest="d", tasks=tasks, include_path=folder)


def save_model(folder: Path, *, seed: int, template: str, adds_bos: bool = False, context: int = 64) -> Path:
    """A random two-layer Mistral whose words are whole tokens."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing
    from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

    vocabulary = {word: n for n, word in enumerate([*SPECIAL, "user", "assistant", "answer", *WORDS])}
    raw = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    raw.pre_tokenizer = WhitespaceSplit()
    if adds_bos:
        raw.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = MistralConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.3,
    )
    MistralForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def p1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that stands for P1."""
    return save_model(tmp_path_factory.mktemp("p1"), seed=1, template=TEMPLATE)


@pytest.fixture(scope="session")
def p2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other weights, saved with a template of its own."""
    return save_model(tmp_path_factory.mktemp("p2"), seed=2, template=OTHER_TEMPLATE)


class InProcess:
    """Workers that compute where they are called; a pool's `actors` take turns. `fails` ends it after so many items."""

    def __init__(self, *, fails: int | None = None) -> None:
        self.fails = fails
        self.handled: list[dict[str, Any]] = []

    def call(self, entry: Entry, request: Mapping[str, Any], *, accelerator: str | None, name: str) -> Any:
        return json.loads(json.dumps(entry(json.loads(json.dumps(request)))))

    def map(
        self, make: Make, request: Mapping[str, Any], items: Sequence[Mapping[str, Any]], *, actors: int,
        accelerator: str | None, name: str,
    ) -> None:  # fmt: skip
        handlers = [make(json.loads(json.dumps(request))) for _ in range(actors)]
        for number, item in enumerate(items):
            if number == self.fails:
                raise RuntimeError("the machine went away")
            handlers[number % actors](json.loads(json.dumps(item)))
            self.handled.append(dict(item))

    def available(self, accelerator: str | None) -> int:
        return 1


class Bench:
    """Runs the stages of an evaluation, each in a folder of its own under `root`."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.patch = patch
        self.stop = root / "stop"
        self.told: list[Progress] = []
        self.notes: list[str] = []

    def use(self, pack: Pack) -> None:
        """`pack` is the one that stages find."""
        self.patch.setattr(packs, "find_pack", lambda name: pack)

    def requests(self, pack: Pack, tokenizer: Path, *, inputs: Mapping[str, Path] = {}, **changes: Any) -> Artifact:
        """The requests of a pack, for a tokenizer's folder."""
        self.use(pack)
        config = {
            "suites": ["ta", "la"], "pack": "mini", "pack_digest": "d", "batch_size": 1, "limit": None,
            "template": "chat",
        }  # fmt: skip
        return requests_stage.run(
            RequestsConfig.model_validate(config | changes), {"tokenizer": tokenizer, **inputs}, self.context()
        )

    def scores(
        self, pack: Pack, model: Path, tokenizer: Path, requests: Path, *, actors: int = 1,
        workers: InProcess | None = None, earlier: Iterable[Path] = (), parts: Path | None = None, digest: str = "m",
        **changes: Any,
    ) -> Artifact:  # fmt: skip
        """The evaluation of a model."""
        self.use(pack)
        config = {
            "suites": ["ta", "la"], "pack": "mini", "pack_digest": "d", "limit": None, "template": "chat",
            "precision": "fp32",
        }  # fmt: skip
        context = self.context(
            workers, execution=ExecutionSpec(workers=actors), earlier=tuple(earlier), parts=parts,
            digests={"model": digest},
        )  # fmt: skip
        inputs = {"model": model, "tokenizer": tokenizer, "requests": requests}
        return stage.run(EvaluateConfig.model_validate(config | changes), inputs, context)

    def context(self, workers: InProcess | None = None, **more: Any) -> StageContext:
        """That of a new attempt."""
        folder = self.root / f"attempt{len(list(self.root.glob('attempt*')))}"
        folder.mkdir()
        settings: dict[str, Any] = {"execution": ExecutionSpec(), "stop": self.stop} | more
        return StageContext(
            folder=folder, workers=workers or InProcess(), report=self.told.append, note=self.notes.append, **settings  # type: ignore[arg-type]
        )


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """See `Bench`."""
    return Bench(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def asked(pack: Pack, p1: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The requests of the toy pack for P1."""
    with pytest.MonkeyPatch.context() as patch:
        return Bench(tmp_path_factory.mktemp("asked"), patch).requests(pack, p1).outputs["requests"]


@pytest.fixture(scope="session")
def first(pack: Pack, p1: Path, asked: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """P1, scored by one actor."""
    with pytest.MonkeyPatch.context() as patch:
        return Bench(tmp_path_factory.mktemp("first"), patch).scores(pack, p1, p1, asked)

"""Ray Data's real LLM processor: over a stand-in for vLLM's engine, and on a GPU over vLLM itself.

The stand-in is a package named `vllm` that the actors find first. It has what the processor asks of vLLM and
nothing more, so a change of the processor's interface fails here and not on somebody's GPU.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cftray.data.adapters import read_rows, write_rows
from cftray.errors import Cancelled, InfraError, ModelError
from cftray.generation.stage import run
from cftray.mini import datasets
from cftray.plan.stages import GenerateConfig
from cftray.runner.ray_workers import RayWorkers
from cftray.spec.execution import ExecutionSpec
from cftray.spec.model import MINI_BASE
from cftray.stage import StageContext
from cftray.store import locate_model

pytestmark = pytest.mark.timeout(900)

END, DEADLY, REFUSED = 2, 666, "refused"
VERSION = "0.29.0+standin"

ENGINE = f'''\
"""Answers a prompt with facts about the request, as tokens, and the end."""

import os
import types

from vllm import outputs

__version__ = "{VERSION}"


class SamplingParams:
    def __init__(self, *, temperature, top_p, max_tokens, stop_token_ids, detokenize, structured_outputs, seed=None):
        if detokenize:
            raise ValueError("no tokenizer was loaded")
        self.facts = [round(temperature * 10), round(top_p * 10), max_tokens, (seed or 0) % 1000]
        self.end = stop_token_ids[0]


class AsyncEngineArgs:
    def __init__(self, *, model, dtype, max_model_len, skip_tokenizer_init, generation_config, **_):
        if model.endswith("{REFUSED}"):
            raise ValueError("this architecture is not supported")
        self.length = max_model_len

    def create_engine_config(self):
        return types.SimpleNamespace(
            scheduler_config=types.SimpleNamespace(max_num_seqs=4),
            parallel_config=types.SimpleNamespace(pipeline_parallel_size=1),
        )


class AsyncLLMEngine:
    @classmethod
    def from_engine_args(cls, args, stat_loggers=None):
        return cls()

    async def generate(self, *, request_id, prompt, sampling_params, lora_request):
        from vllm.v1.engine.exceptions import EngineDeadError

        tokens = list(prompt["prompt_token_ids"])
        if {DEADLY} in tokens:
            raise EngineDeadError
        made = [len(tokens), *sampling_params.facts, sampling_params.end]
        yield outputs.RequestOutput(tokens, made)

    async def do_log_stats(self):
        pass

    def shutdown(self):
        pass
'''
MODULES = {
    "__init__.py": ENGINE,
    "outputs.py": """\
from types import SimpleNamespace


class PoolingRequestOutput:
    pass


class RequestOutput:
    finished, metrics, prompt, prompt_logprobs = True, None, None, None

    def __init__(self, asked, made):
        self.prompt_token_ids = asked
        self.outputs = [SimpleNamespace(token_ids=made, text="", logprobs=None)]
""",
    "inputs/__init__.py": "",
    "inputs/llm.py": "TokensPrompt = TextPrompt = dict\nMultiModalDataDict = dict\n",
    "v1/__init__.py": "",
    "v1/engine/__init__.py": "",
    "v1/engine/exceptions.py": "class EngineDeadError(Exception):\n    pass\n",
}


@pytest.fixture
def workers(ray_head, tmp_path):
    """Ray's workers, whose processes find the stand-in."""
    import ray

    for name, text in MODULES.items():
        path = tmp_path / "standin" / "vllm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ray.shutdown()
    search = os.pathsep.join([str(tmp_path / "standin"), os.getcwd(), os.environ.get("PYTHONPATH", "")])
    ray.init(address=ray_head.address, runtime_env={"env_vars": {"PYTHONPATH": search}})
    yield RayWorkers(tmp_path / "scratch", address=ray_head.address)
    ray.shutdown()


def infer(workers, tmp_path, *, prompts, model="", keep=None, temperature=0.5):
    """The engine's name and the answers, by id."""
    folder = tmp_path / "attempt"
    folder.mkdir()
    request = {
        "folder": str(folder),
        "stop": str(tmp_path / "stop"),
        "model": str(locate_model(MINI_BASE)) + model,
        "decoding": {"engine": "vllm", "temperature": temperature, "top_p": 0.9, "batch_size": 4},
        "context_length": 512,
        "precision": "fp32",
        "ends": [END],
    }
    made = {}
    engine = workers.infer(request, prompts, keep or made.update, actors=1, accelerator=None, name="vllm")
    return engine, made


def asked(count):
    return [{"id": f"r{n}", "tokens": [5] * (n + 1), "most": 10 + n, "seed": 2**62 + n} for n in range(count)]


@pytest.mark.slow
def test_each_prompt_is_answered_once_with_its_own_settings(workers, tmp_path):
    engine, made = infer(workers, tmp_path, prompts=asked(10))
    assert engine == f"vllm {VERSION}"
    assert made == {f"r{n}": [n + 1, 5, 9, 10 + n, (2**62 + n) % 1000, END] for n in range(10)}


@pytest.mark.slow
def test_an_engine_that_dies_ends_the_pipeline(workers, tmp_path):
    prompts = asked(6)
    prompts[3]["tokens"] = [DEADLY]
    with pytest.raises(InfraError, match="died"):
        infer(workers, tmp_path, prompts=prompts)


@pytest.mark.slow
def test_a_model_that_vllm_does_not_load_is_the_models_fault(workers, tmp_path):
    with pytest.raises(ModelError, match="this architecture is not supported"):
        infer(workers, tmp_path, prompts=asked(2), model=REFUSED)


@pytest.mark.slow
def test_a_stop_ends_the_pipeline_after_what_was_kept(workers, tmp_path):
    kept = []

    def keep(answers):
        kept.extend(answers)
        (tmp_path / "stop").touch()

    with pytest.raises(Cancelled):
        infer(workers, tmp_path, prompts=asked(12), keep=keep)
    assert 0 < len(kept) < 12


@pytest.mark.gpu
def test_on_a_gpu_vllm_answers_as_transformers_does(ray_head, tmp_path):
    pytest.importorskip("vllm", reason="vLLM is not installed: pip install cftray[worker,vllm] on a GPU worker")
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    write_rows(prompts / "rows.jsonl", datasets.english_counterparts("multialpaca-mini", samples=32, seed=3))
    (prompts / "meta.json").write_text(json.dumps({"needed": 16}))
    base = locate_model(MINI_BASE)
    answers = {}
    for engine in ("transformers", "vllm"):
        config = GenerateConfig.model_validate(
            {
                "template": "chat", "decoding": {"engine": engine, "batch_size": 8}, "max_new_tokens": 48,
                "precision": "fp32", "seed": 5,
            }
        )  # fmt: skip
        folder: Path = tmp_path / engine
        folder.mkdir()
        context = StageContext(
            folder=folder, execution=ExecutionSpec(workers=1, accelerator="GPU"),
            workers=RayWorkers(tmp_path / "scratch", address=ray_head.address), stop=tmp_path / "stop",
        )  # fmt: skip
        artifact = run(config, {"prompts": prompts, "model": base, "tokenizer": base}, context)
        assert artifact.details["engine"].startswith(engine)
        answers[engine] = {row.id: row.output for row in read_rows(artifact.outputs["rows"])}
    shared = answers["vllm"].keys() & answers["transformers"].keys()
    alike = sum(answers["vllm"][one] == answers["transformers"][one] for one in shared)
    assert alike >= 0.8 * len(answers["transformers"])

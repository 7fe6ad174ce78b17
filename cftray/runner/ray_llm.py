"""vLLM engines in a pool of actors, behind Ray Data's LLM processor (`ray.data.llm`).

Prompts go in as tokens and answers come out as tokens: the processor's stages for chat templates and
tokenisers are left out, since templates and tokens are the caller's. The engine's own defaults from a model's
generation_config.json are left out too: what an answer depends on is in the request.

Three of the processor's habits are changed. Its actors are started again without end, and here only the
control plane retries. They end when the pool is over, engine processes included. And an engine that dies may
leave the pipeline waiting for ever: silence ends it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.errors import Cancelled, InfraError, ModelError
from cftray.runner.telling import end_when_over, tell_start, telling
from cftray.spec.mitigation import Decoding
from cftray.stage import Keep

SILENCE_S = 1800.0
"""The longest time between answers; the first may take as long as room and models take."""
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}
STAGE = "vLLMEngineStage"
ENGINE = "engine"
"""A file in the pool's folder: the engine's name and version, as an actor found it."""
SMALL = {"num_cpus": 0.25, "max_retries": 0}
"""What the steps around the engine take."""


class Inference:
    """One pool of engines; `look` is for whoever watches `run`."""

    def __init__(self, request: Mapping[str, Any], failures: Path) -> None:
        self.request = dict(request)
        self.failures = failures
        self.decoding = Decoding.model_validate(request["decoding"])
        self._heard: float | None = None

    def run(
        self,
        data: Any,
        prompts: Sequence[Mapping[str, Any]],
        keep: Keep,
        *,
        actors: int,
        accelerator: str | None,
        name: str,
    ) -> None:
        """Hand answers to `keep` as blocks of them are ready. `data` is ray.data."""
        processor = self._processor(actors, accelerator)
        rows = [self._row(one) for one in prompts]
        blocks = -(-len(rows) // self.decoding.batch_size)
        answers = processor(data.from_items(rows, override_num_blocks=blocks))
        answers.set_name(name)
        stop = Path(self.request["stop"])
        for block in answers.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            keep([(one["id"], one["made"]) for one in block.to_pylist()])
            self._heard = time.monotonic()
            if stop.exists():
                raise Cancelled("stopped because it was asked to")

    def look(self) -> None:
        """Raises InfraError where answers came and then none for too long."""
        if self._heard is not None and time.monotonic() - self._heard > SILENCE_S:
            silence = f"the vLLM engines have given no answer for {SILENCE_S / 60:.0f} minutes"
            raise InfraError(f"{silence}; see their actors' logs in Ray")

    def engine(self) -> str:
        """Name and version of the engine that answered."""
        return (self.failures / ENGINE).read_text(encoding="utf-8")

    def _processor(self, actors: int, accelerator: str | None) -> Any:
        from ray.data.llm import build_processor, vLLMEngineProcessorConfig

        config = vLLMEngineProcessorConfig(
            model_source=self.request["model"],
            engine_kwargs=self._engine_settings(),
            batch_size=self.decoding.batch_size,
            concurrency=(actors, actors),
            accelerator_type=None if accelerator in (None, "GPU") else accelerator,
            placement_group_config={"bundles": [{"CPU": 1}]} if accelerator is None else None,
            chat_template_stage=False,
            tokenize_stage=False,
            detokenize_stage=False,
            log_engine_metrics=False,
        )
        processor = build_processor(
            config, postprocess=_made, preprocess_map_kwargs=SMALL, postprocess_map_kwargs=SMALL
        )
        stage = processor.stages[STAGE]
        # A copy, since assigning to a field would work out the stage's resources once more, without the bundles.
        processor.stages[STAGE] = stage.model_copy(
            update={
                "fn": _watching(stage.fn, self.request, self.failures),
                "map_batches_kwargs": stage.map_batches_kwargs | {"max_restarts": 0, "max_task_retries": 0},
            }
        )
        return processor

    def _engine_settings(self) -> dict[str, Any]:
        settings = {
            "dtype": DTYPES[self.request["precision"]],
            "generation_config": "vllm",
            "skip_tokenizer_init": True,
            "disable_log_stats": True,
        }
        length = self.request["context_length"]
        return settings if length is None else settings | {"max_model_len": length}

    def _row(self, prompt: Mapping[str, Any]) -> dict[str, Any]:
        parameters = {
            "temperature": self.decoding.temperature,
            "top_p": self.decoding.top_p,
            "max_tokens": prompt["most"],
            "stop_token_ids": list(self.request["ends"]),
            "detokenize": False,
        }
        if self.decoding.temperature > 0:
            parameters["seed"] = prompt["seed"]
        return {"id": prompt["id"], "tokenized_prompt": list(prompt["tokens"]), "sampling_params": parameters}


def _made(row: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a row that the engine has answered."""
    return {"id": row["id"], "made": [int(token) for token in row["generated_tokens"]]}


def _watching(kind: type[Any], request: dict[str, Any], failures: Path) -> type[Any]:
    """The processor's actor `kind`, which also tells its driver how it starts and ends with its pool."""

    class Watching(kind):  # type: ignore[misc,valid-type,unused-ignore]
        def __init__(self, *positional: Any, **named: Any) -> None:
            end_when_over(failures)
            tell_start(request)
            with telling(failures, os.getpid()), _in_our_terms(request["model"]):
                super().__init__(*positional, **named)
                import vllm

                (failures / ENGINE).write_text(f"vllm {vllm.__version__}", encoding="utf-8")

    return Watching


@contextlib.contextmanager
def _in_our_terms(model: str) -> Iterator[None]:
    """Why an engine did not start, where that can be told."""
    try:
        yield
    except ImportError as error:
        raise InfraError(f"{error}; install cftray[worker,vllm] on the GPU workers") from error
    except (ValueError, KeyError, OSError) as error:
        raise ModelError(f"{model}: vLLM does not load it: {error}") from error

"""Documents that OpenAPI shows, and the description of a body that is a spec."""

from __future__ import annotations

from typing import Any

from cftray.spec import ModelEvaluationSpec, SimilaritySpec, SweepSpec
from cftray.spec.base import SpecModel

MINI = {"recipe": "mini", "pair": "dissimilar", "seeds": [17]}
OWN_DATA = {
    "name": "english-then-german",
    "project": "forgetting",
    "base": {"model": "/models/small-mistral"},
    "template": "alpaca",
    "phase1": {
        "train": {
            "data": {"path": "/data/alpaca/*.jsonl", "adapter": "alpaca", "samples": 2000},
            "hyperparameters": {"learning_rate": 5e-4, "epochs": 1, "global_batch": 16, "max_length": 512},
        }
    },
    "phase2": {
        "data": {"path": "/data/alpaca_de/*.jsonl", "adapter": "alpaca", "language": "de", "samples": 2000},
        "hyperparameters": {"learning_rate": 2e-4, "epochs": 1, "global_batch": 16, "max_length": 512},
    },
    "execution": {"workers": 2, "zero_stage": 2},
}
_SCHEMA = {"schema": {"type": "object", "description": "a spec (`GET /v1/schema`), or a recipe's short form"}}

EVALUATION = {
    "name": "how-good-is-it",
    "project": "forgetting",
    "model": "/models/small-mistral",
    "evaluation": {"suites": ["ta", "la"], "languages": ["de", "es"], "limit": 200},
    "precision": "bf16",
}
SIMILARITY = {
    "name": "before-training",
    "sets": [
        {"name": "alpaca", "data": {"path": "/data/alpaca/*.jsonl", "adapter": "alpaca"}},
        {"name": "alpaca-de", "data": {"path": "/data/alpaca_de/*.jsonl", "adapter": "alpaca", "language": "de"}},
    ],
    "samples": 500,
}


def body_of(spec: type[SpecModel], example: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a body that is such a spec, in JSON or YAML."""
    described = {"schema": spec.model_json_schema(), "example": example}
    kinds = ("application/json", "application/yaml")
    return {"requestBody": {"required": True, "content": dict.fromkeys(kinds, described)}}


EVALUATION_BODY = body_of(ModelEvaluationSpec, EVALUATION)
SIMILARITY_BODY = body_of(SimilaritySpec, SIMILARITY)

SWEEP = {
    "name": "learning-rate-and-replay",
    "spec": {"recipe": "mini", "pair": "dissimilar"},
    "space": {
        "phase2.hyperparameters.learning_rate": {"loguniform": [1e-4, 1e-3]},
        "mitigation": [{"kind": "none"}, {"kind": "generative_replay", "ratio": 0.1}],
    },
    "trials": 8,
    "objective": {"maximise": "la", "subject_to": [{"score": "ta", "decline_at_most": 0.1}]},
    "early_stopping": {"grace": 0.25, "reduction_factor": 2},
}
SWEEP_BODY = body_of(SweepSpec, SWEEP)

REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": _SCHEMA
            | {
                "examples": {
                    "recipe": {"summary": "a recipe's short form", "value": MINI},
                    "spec": {"summary": "one's own data and model", "value": OWN_DATA},
                }
            },
            "application/yaml": _SCHEMA
            | {
                "examples": {
                    "recipe": {
                        "summary": "a recipe's short form",
                        "value": "recipe: mini\npair: dissimilar\nseeds: [17]\n",
                    }
                }
            },
        },
    }
}

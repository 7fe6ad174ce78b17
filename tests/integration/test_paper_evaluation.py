"""All seven benchmarks, in every language, from REST to the report: a tiny model over files as they are published,
with a judge behind an endpoint. What is scored is of no worth; that all of it is, and what is not, is."""

from __future__ import annotations

import pytest

from cftray.client import Client
from cftray.evaluation.packs import find_pack
from tests.conftest import JUDGE
from tests.unit.evaluation.paper.published import write_originals

PATIENCE_S = 840.0

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Random weights over bytes, with room for the longest answer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE({one: n for n, one in enumerate(["<s>", "</s>", *alphabet])}, []))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="</s>")
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=4096, sliding_window=None, bos_token_id=0, eos_token_id=1,
        pad_token_id=1,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("model")
    tokenizer.save_pretrained(folder)
    MistralForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def client(stack):
    whole = Client(stack.state.url("api"))
    yield whole
    whole.close()


@pytest.fixture(scope="module")
def done(client, model, tmp_path_factory):
    places = write_originals(tmp_path_factory.mktemp("benchmarks"))
    run = client.evaluate(
        str(model),
        name="all-seven",
        suites=["ta", "la"],
        pack="paper",
        template="alpaca",
        data={name: str(path) for name, path in places.items()},
        judge=f"{JUDGE}:rule",
    )
    run.wait(timeout=PATIENCE_S)
    return run


def test_every_task_is_scored_in_its_language(done):
    assert done.view["state"] == "succeeded"
    found = {row["key"] for row in done.scores()}
    for task in find_pack("paper").tasks:
        if task.benchmark != "ifeval":
            assert f"{task.suite}/{task.benchmark}" + (f"/{task.language}" if task.suite == "la" else "") in found
    assert {"la", "la/mlqa", "la/xquad", "la/xlsum", "paper/la/xquad", "paper/ta/hellaswag"} <= found


def test_what_lacks_a_resource_has_no_score_and_takes_its_means_along(done):
    """One prompt asks for a number of sentences, and NLTK's model of them is not there."""
    found = {row["key"]: row for row in done.scores()}
    assert "ta" not in found
    assert found.get("ta/ifeval", {}).get("score") is None
    events = " ".join(str(event) for event in done.events())
    assert "nltk.downloader punkt_tab" in events


def test_the_judge_was_asked_in_both_orders(done, client, tmp_path):
    row = next(row for row in done.scores() if row["key"] == "ta/alpaca_eval")
    assert (row["n"], 0 <= row["score"] <= 1) == (2, True)
    said = done.items(tmp_path / "annotations.jsonl", "p1", of="annotations").read_text(encoding="utf-8")
    assert len(said.splitlines()) == 2


def test_the_report_says_what_stands_in_each_column(done, tmp_path):
    page = done.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "prompt_level_strict_acc" in page
    assert "acc_norm; the paper&#39;s: acc" in page

"""Prompts as tokens, beside lm-eval's own tokenising."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftray.errors import DataError, ModelError
from cftray.evaluation.prompting import Prompter

from .conftest import TEMPLATE, save_model

PAIRS = [("w1 w2", " w3"), ("w1 w2 ", "w3 w4"), ("<s> w1", " w2"), ("w5", " w6"), ("", "w7 w8")]


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "adds_bos"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("model")
    return save_model(folder, seed=1, template=TEMPLATE, adds_bos=request.param)


def test_pairs_are_tokenised_as_lm_eval_does(folder: Path) -> None:
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM
    from transformers import AutoModelForCausalLM, AutoTokenizer

    class Seen(HFLM):
        def _loglikelihood_tokens(self, requests, **_):  # type: ignore[no-untyped-def]
            return [(context, continuation) for _, context, continuation in requests]

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    lm = Seen(model, tokenizer=tokenizer)
    theirs = lm.loglikelihood([Instance("loglikelihood", {}, pair, 0) for pair in PAIRS], disable_tqdm=True)
    ours = Prompter(folder, 64).continuations(PAIRS, chat=False)
    assert [(context, continuation) for context, continuation, _ in ours] == theirs


def test_a_chats_prompt_gets_no_beginning_of_the_tokenizers(folder: Path) -> None:
    [(tokens, cut)] = Prompter(folder, 64).generation(["w1 w2"], chat=True, longest=4)
    assert (len(tokens), cut) == (2, False)


def test_a_raw_prompt_that_begins_itself_gets_no_second_beginning(folder: Path) -> None:
    [(tokens, _)] = Prompter(folder, 64).generation(["<s> w1 w2"], chat=False, longest=4)
    assert tokens.count(1) == 1


def test_prompts_lose_their_left_where_they_do_not_fit(folder: Path) -> None:
    prompter = Prompter(folder, 6)
    whole = Prompter(folder, 64)
    [(kept, cut)] = prompter.generation(["w1 w2 w3 w4 w5"], chat=True, longest=3)
    assert (kept, cut) == (whole.generation(["w3 w4 w5"], chat=True, longest=3)[0][0], True)
    [(context, continuation, cut)] = prompter.continuations([("w1 w2 w3 w4 w5 w6", " w7 w8")], chat=True)
    assert (len(context) + len(continuation), cut) == (7, True)


def test_an_end_of_text_after_a_prompt_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing

    folder = save_model(tmp_path / "model", seed=1, template=TEMPLATE)
    raw = Tokenizer.from_file(str(folder / "tokenizer.json"))
    raw.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 2)])
    raw.save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelError, match="puts </s> after the prompt"):
        Prompter(folder, 64).continuations([("w1 w2", " w3")], chat=False)


def test_a_continuation_of_nothing_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="adds no token"):
        Prompter(folder, 64).continuations([("w1 w2", "")], chat=False)


def test_a_continuation_beyond_the_context_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match="has 5 tokens, the model's context 4"):
        Prompter(folder, 4).continuations([("w1", " w1 w2 w3 w4 w5")], chat=False)

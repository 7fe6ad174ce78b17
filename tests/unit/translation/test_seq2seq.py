"""A real, tiny sequence-to-sequence model, untrained: what goes in and comes out, and how batches behave."""

from __future__ import annotations

import json

import pytest

from cftray.errors import Cancelled, ModelError
from cftray.spec.translation import Seq2SeqSettings
from tests.unit.translation.fakes import Here

WORDS = (
    "a", "the", "cat", "dog", "house", "is", "in", "small", "big", "one", "two", "three", "red", "blue",
    ".", ",", "!", "?",
)  # fmt: skip
TOKENS = {
    "nllb": ["eng_Latn", "deu_Latn", "fra_Latn"],
    "m2m100": ["__en__", "__de__", "__fr__"],
    "madlad": ["<2en>", "<2de>", "<2fr>"],
}


def make(folder, family, seed=0):
    """A model folder: 32 hidden units, a word-level tokenizer that knows the family's language tokens."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import M2M100Config, M2M100ForConditionalGeneration, PreTrainedTokenizerFast

    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", *TOKENS[family], *WORDS]
    own = Tokenizer(models.WordLevel({word: place for place, word in enumerate(vocabulary)}, unk_token="<unk>"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=own, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
        additional_special_tokens=TOKENS[family],
    )  # fmt: skip
    torch.manual_seed(seed)
    config = M2M100Config(
        vocab_size=len(vocabulary), d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=128,
        bos_token_id=0, pad_token_id=1, eos_token_id=2, decoder_start_token_id=2, init_std=1.0,
    )  # fmt: skip
    M2M100ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {family: make(tmp_path_factory.mktemp(family), family) for family in TOKENS}


def translator(folder, tmp_path, family="nllb", **settings):
    from cftray.translation.seq2seq import Seq2Seq

    asked = Seq2SeqSettings.model_validate({"kind": "seq2seq", "family": family} | settings)
    return Seq2Seq(folder, asked, tmp_path / "stop")


@pytest.mark.parametrize("family", TOKENS)
def test_each_family_is_told_the_languages_its_own_way(folders, tmp_path, family):
    own = translator(folders[family], tmp_path, family)
    before, first = own._languages("en", "de")
    known = own.tokenizer.convert_ids_to_tokens
    told = (known(before), None if first is None else known(first))
    assert told == {
        "nllb": (["eng_Latn"], "deu_Latn"),
        "m2m100": (["__en__"], "__de__"),
        "madlad": (["<2de>"], None),
    }[family]  # fmt: skip


def test_texts_come_back_in_their_order_whatever_their_length(folders, tmp_path):
    own = translator(folders["nllb"], tmp_path, sentences=1)
    texts = ["the cat is in the house .", "one", "the dog is big , the cat is small !"]
    alone = [own.translate([text], "en", "de")[0] for text in texts]
    assert own.translate(texts, "en", "de") == alone
    assert own.translate(texts[::-1], "en", "de") == alone[::-1]


def test_padding_beside_a_longer_text_changes_no_translation(folders, tmp_path):
    texts = ["one", "the cat is in the house ."]
    apart = translator(folders["nllb"], tmp_path, sentences=1).translate(texts, "en", "fr")
    assert translator(folders["nllb"], tmp_path, sentences=2).translate(texts, "en", "fr") == apart


def test_the_window_counts_tokens(folders, tmp_path):
    own = translator(folders["nllb"], tmp_path, window=8)
    assert own.fits("the cat is in the house .")
    assert not own.fits("the cat is in the house . one two")


def test_a_translation_that_does_not_end_is_none(folders, tmp_path):
    own = translator(folders["nllb"], tmp_path)
    end = own.end
    assert own._text([4, 9, end, 9]) == own.tokenizer.decode([9])
    assert own._text([4, 9, 9]) is None


def test_a_model_of_another_family_is_refused_by_the_missing_token(folders, tmp_path):
    with pytest.raises(ModelError, match=r"no __de__; is it of the m2m100 family\?"):
        translator(folders["nllb"], tmp_path, "m2m100").translate(["one"], "en", "de")


def test_a_folder_that_is_no_such_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="does not load"):
        translator(tmp_path, tmp_path)


def test_a_stop_is_heard_between_passes(folders, tmp_path):
    (tmp_path / "stop").touch()
    with pytest.raises(Cancelled):
        translator(folders["nllb"], tmp_path).translate(["one"], "en", "de")


def test_the_stage_translates_with_the_model_alike_for_one_actor_and_two(folders, written, translated):
    rows = written(*({"instruction": f"the {one} is in the {two} .", "output": f"{one} , {two} !"}
                     for one in ("cat", "dog", "house") for two in ("big", "small", "red")))  # fmt: skip
    found = []
    for actors in (1, 2):
        artifact, *_ = translated(
            rows, Here(), name=f"actors{actors}", actors=actors, inputs={"model": folders["nllb"]},
            translator={"kind": "seq2seq", "family": "nllb", "batch_size": 4},
            gate={"language": False, "min_ratio": 0.01, "max_ratio": 100},
        )  # fmt: skip
        found.append((artifact.outputs["rows"] / "rows.jsonl").read_bytes())
        assert artifact.metrics["seconds_in_translator"] > 0
    assert found[0] == found[1]
    assert all(json.loads(line)["language"] == "de" for line in found[0].splitlines())

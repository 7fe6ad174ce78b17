"""A real, tiny transformer encoder, untrained, and the miniature's own: equal to the library's `encode`."""

from __future__ import annotations

import numpy as np
import pytest

from cftray.analysis.encoder import MOST, SentenceEncoder, batches
from cftray.errors import ModelError
from cftray.mini import make_encoder
from cftray.mini.datasets import rows

LONGEST = 24
WORDS = [f"w{place}" for place in range(50)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two layers of BERT, the mean of the tokens, length 1: as most encoders on the hub."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    torch.manual_seed(1)
    place = tmp_path_factory.mktemp("encoder")
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]", *WORDS])}
    own = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    own.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]"
    ).save_pretrained(place / "bert")
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64, initializer_range=0.5,
    )  # fmt: skip
    BertModel(config).save_pretrained(place / "bert")
    first = Transformer(str(place / "bert"), max_seq_length=LONGEST)
    modules = [first, Pooling(first.get_embedding_dimension()), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(place / "whole"), create_model_card=False)
    return place / "whole"


@pytest.fixture(scope="module")
def texts():
    drawn = np.random.default_rng(2)
    return [" ".join(drawn.choice(WORDS, size=size)) for size in drawn.integers(1, 40, 90)]


def library(folder, texts):
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu").encode(texts, show_progress_bar=False)


def test_vectors_are_those_of_the_library(folder, texts):
    found = SentenceEncoder(folder, "d").encode(texts)
    assert found.vectors.dtype == np.float32
    assert np.abs(found.vectors - library(folder, texts)).max() < 1e-5


def test_texts_longer_than_the_encoder_reads_are_counted(folder, texts):
    """Two places are for the tokens around a text."""
    found = SentenceEncoder(folder, "d").encode(texts)
    assert found.truncated == sum(len(text.split()) > LONGEST - 2 for text in texts)
    assert 0 < found.truncated < len(texts)


def test_it_tells_how_far_it_is(folder, texts):
    told = []
    SentenceEncoder(folder, "d").encode(texts * 4, told.append)
    assert told[-1] == 4 * len(texts)
    assert told == sorted(set(told))


def test_the_miniatures_encoder():
    texts = ["\n".join((row.instruction, row.output)) for row in rows("multialpaca-mini", samples=60, seed=1)]
    found = SentenceEncoder(make_encoder.ENCODER, "d").encode(texts)
    assert np.abs(found.vectors - library(make_encoder.ENCODER, texts)).max() < 1e-5
    assert found.truncated == 0


def test_batches_hold_each_place_once_longest_first_within_bounds():
    drawn = np.random.default_rng(3)
    lengths = [int(one) for one in drawn.integers(1, 600, 2000)] + [9000, 0]
    found = list(batches(lengths, 4096))
    assert sorted(place for batch in found for place in batch) == list(range(len(lengths)))
    flat = [lengths[place] for batch in found for place in batch]
    assert flat == sorted(flat, reverse=True)
    assert all(len(batch) == 1 or len(batch) * lengths[batch[0]] <= 4096 for batch in found)
    assert max(map(len, found)) <= MOST


def test_a_folder_that_is_no_encoder(tmp_path):
    with pytest.raises(ModelError, match="does not load as a sentence encoder"):
        SentenceEncoder(tmp_path, "d")

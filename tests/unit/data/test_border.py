"""Where a response begins among tokens, against reading every offset, for tokenizers of all families."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from cftray.data.tokenize import border

LETTERS = "aeinrst"
PIECES = [*LETTERS, "an", "st", "▁", "▁a", "▁s", "▁▁", "er", "ing"]


def unigram():
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), *((piece, -len(piece)) for piece in PIECES)], unk_id=0))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    return tokenizer


def byte_level(post_processor=None):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("a", "n"), ("s", "t"), ("Ġ", "a"), ("Ġ", "Ġ"), ("Ġ", "s"), ("Ġs", "t"), ("Ċ", "Ċ")]
    vocabulary = {piece: place for place, piece in enumerate([*alphabet, *(one + two for one, two in merges)])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if post_processor is not None:
        tokenizer.post_processor = post_processor
    return tokenizer


def byte_fallback():
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *LETTERS, "▁", "an", "▁a", "▁▁"]
    merges = [("a", "n"), ("▁", "a"), ("▁", "▁")]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return tokenizer


def word_piece():
    pieces = ["[UNK]", *LETTERS, *(f"##{letter}" for letter in LETTERS), "an", "##st"]
    tokenizer = Tokenizer(models.WordPiece({one: place for place, one in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def composing():
    tokenizer = byte_level()
    tokenizer.normalizer = normalizers.NFKC()
    return tokenizer


TOKENIZERS = {
    "unigram": unigram(),
    "byte level": byte_level(),
    "byte level, spaces trimmed off": byte_level(processors.ByteLevel(trim_offsets=True)),
    "byte fallback": byte_fallback(),
    "word piece that drops accents and spaces": word_piece(),
    "characters composed": composing(),
}
for one in TOKENIZERS.values():
    one.add_special_tokens(["<s>", AddedToken("</s>", lstrip=True, rstrip=True)])

some_text = some.lists(
    some.sampled_from(
        [*LETTERS, " ", "  ", "\n", "é", "e\u0301", "\u0301", "ﬁ", "日", "🙂", "\u200d", "\0", "<s>", "</s>"]
    ),
    max_size=12,
).map("".join)


def plainly(encoding, place, length):
    offsets = encoding.offsets[:length]
    marks = [start >= place for start, _ in offsets]
    return marks, sum(start < place < end for start, end in offsets)


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS)
@settings(max_examples=100, deadline=None)
@given(some_text, some_text, some.integers(1, 30))
def test_the_border_is_where_the_offsets_say(tokenizer, prompt, response, max_length):
    encoding = tokenizer.encode(prompt + response, add_special_tokens=False)
    length = min(len(encoding), max_length)
    first, spanning = border(encoding, len(prompt), length)
    assert ([place >= first for place in range(length)], spanning) == plainly(encoding, len(prompt), length)

"""The tokenizer of the miniature: whole words of the world, and single characters for the rest.

A unigram model over an explicit vocabulary. A word token carries the space before it; where a word
follows a line break or an opening quote without a space, the normalizer puts one in and the decoder
takes it out again, so that every word has one token and text still comes back as it was.
"""

from __future__ import annotations

import re
from typing import Any, Final

from cftray.mini.demands import AVOIDABLE, MARKERS, PLURAL, upper_and_lower_words
from cftray.mini.formats import REQUESTS
from cftray.mini.lexicon import WORDS
from cftray.mini.phrases import FORMATS, QUESTIONS, REASONING, STATEMENTS, TASKS

SPECIAL: Final[tuple[str, ...]] = ("<unk>", "<s>", "</s>", "<pad>", "<|system|>", "<|user|>", "<|assistant|>")
MAX_LENGTH: Final = 512
CHAT_TEMPLATE: Final = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}<|system|>{{ message['content'] }}"
    "{% elif message['role'] == 'user' %}<|user|>{{ message['content'] }}"
    "{% elif message['role'] == 'assistant' %}<|assistant|>{{ message['content'] }}{{ eos_token }}"
    "{% else %}{{ raise_exception('unknown role: ' + message['role']) }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_EXTRA: Final = (
    "Sure The answer is Question Answer Which animal does not live in the same place as the job food has "
    "the same colour as city lies in the same country as In which country does live Where does work is to "
    "what In the evening goes home to eats and takes the list word"
)
_PUNCTUATION: Final = ".,:;?!\"'-"
_SPACED: Final = ("{", "}", "-", '"')
_WORD: Final = re.compile(r'[^\s.,:;?!"{}]+')
_SPACE: Final = "▁"


def world_words() -> list[str]:
    """Every word of the world's texts, once, in a fixed order."""
    texts = [word for words in WORDS.values() for word in words.values()]
    for table in (STATEMENTS, QUESTIONS, TASKS, FORMATS, REASONING):
        texts += [text for templates in table.values() for text in templates.values()]
    texts += [*REQUESTS.values(), PLURAL, _EXTRA, *MARKERS, *AVOIDABLE, *upper_and_lower_words()]
    plain = (re.sub(r"\{\w\}", " ", text).replace("{word}", " ").replace("{number}", " ") for text in texts)
    return list(dict.fromkeys(word for text in plain for word in _WORD.findall(text)))


def vocabulary() -> list[tuple[str, float]]:
    """Unigram pieces with their scores: a word always beats its characters."""
    words = world_words()
    printable = [chr(code) for code in range(33, 127)]
    characters = dict.fromkeys([*_PUNCTUATION, "\n", *printable, *sorted(set("".join(words)))])
    pieces = dict.fromkeys(SPECIAL, 0.0)
    pieces |= {_SPACE + word: -5.0 for word in (*_SPACED, *words)}
    pieces |= {character: (-4.0 if character in _PUNCTUATION else -9.0) for character in characters}
    pieces[_SPACE] = -9.0
    return list(pieces.items())


def build() -> Any:
    """The tokenizer as a `tokenizers.Tokenizer`; it adds no token of its own to a text."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.Unigram(vocabulary(), unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Prepend(_SPACE),
            normalizers.Replace(" ", _SPACE),
            normalizers.Replace(Regex(f"\n(?=[^\n{_SPACE}])"), f"\n{_SPACE}"),
            normalizers.Replace(Regex(f'{_SPACE}"(?=[^\n{_SPACE}])'), f'{_SPACE}"{_SPACE}'),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="never", split=True)
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Fuse(),
            decoders.Replace(f'{_SPACE}"{_SPACE}', f'{_SPACE}"'),
            decoders.Replace(f"\n{_SPACE}", "\n"),
            decoders.Replace(_SPACE, " "),
            decoders.Strip(" ", 1, 0),
        ]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    return tokenizer


def wrap() -> Any:
    """The same as a transformers tokenizer with its chat template."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=build(),
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens=["<|system|>", "<|user|>", "<|assistant|>"],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=MAX_LENGTH,
        padding_side="left",
    )

"""Languages by their codes, and what each family calls them."""

from __future__ import annotations

import pytest

from cftray.errors import ModelError
from cftray.spec.languages import LANGUAGES, language_of
from cftray.translation.codes import language_token


@pytest.mark.parametrize(
    ("code", "family", "token"),
    [
        ("de", "nllb", "deu_Latn"),
        ("deu", "nllb", "deu_Latn"),
        ("zh", "nllb", "zho_Hans"),
        ("ar", "nllb", "arb_Arab"),
        ("de", "m2m100", "__de__"),
        ("nso", "m2m100", "__ns__"),
        ("de", "madlad", "<2de>"),
        ("tl", "madlad", "<2fil>"),
    ],
)
def test_codes_become_the_family_s_tokens(code, family, token):
    assert language_token(code, family) == token


def test_an_unknown_language_is_refused_with_the_nearest():
    with pytest.raises(ModelError, match=r"deu_: not a language of nllb"):
        language_token("deu_", "nllb")
    with pytest.raises(ModelError, match=r"eo: not a language of m2m100"):
        language_token("eo", "m2m100")


def test_codes_are_one_to_one():
    assert len({one.iso3 for one in LANGUAGES.values()}) == len(LANGUAGES)
    for family in ("nllb", "m2m100", "madlad"):
        told = [getattr(one, family) for one in LANGUAGES.values() if getattr(one, family)]
        assert len(set(told)) == len(told)
    assert language_of("xx") is None

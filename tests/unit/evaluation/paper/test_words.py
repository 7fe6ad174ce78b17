"""What a word is, language by language, and which words of an answer count."""

from __future__ import annotations

import unicodedata

import pytest

from cftray.errors import InternalError
from cftray.evaluation.paper.metrics import segmentation
from cftray.evaluation.paper.metrics.normalisation import mlqa_words, squad_words, summary_words, xquad_words
from cftray.evaluation.paper.metrics.segmentation import SEGMENTATIONS, segment
from cftray.evaluation.paper.pack import MLQA_LANGUAGES, XLSUM_LANGUAGES, XLSUM_UNCOUNTED, XQUAD_LANGUAGES


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("de", "am  Rhein", ["am", "Rhein"]),
        ("zh", "使用Python 3语言", ["使", "用", "Python", "3", "语", "言"]),
        ("ja", "東京でオリンピックが2020年", ["東", "京", "で", "オリンピック", "が", "2020", "年"]),
        ("ja", "人々のコーヒー", ["人", "々", "の", "コーヒー"]),
        ("th", "แมวกินปลา", ["แมว", "กิน", "ปลา"]),
        ("th", "แมว Python กินปลา", ["แมว", "Python", "กิน", "ปลา"]),
        ("hi", "नई दिल्ली", ["नई", "दिल्ली"]),
    ],
)
def test_words_of_a_language(language: str, text: str, words: list[str]) -> None:
    assert segment(text, language) == words


@pytest.mark.parametrize("language", sorted(SEGMENTATIONS))
def test_nothing_has_no_words(language: str) -> None:
    assert segment("", language) == segment("  \n", language) == []


def test_every_language_of_the_pack_has_a_segmentation() -> None:
    asked = {*MLQA_LANGUAGES, *XQUAD_LANGUAGES, *XLSUM_LANGUAGES, *XLSUM_UNCOUNTED}
    assert asked <= set(SEGMENTATIONS)


def test_a_language_without_a_segmentation_is_refused_in_words() -> None:
    with pytest.raises(InternalError, match="ko: no rule tells what a word is"):
        summary_words("한국어", "ko")
    with pytest.raises(InternalError, match="fr: answers in it have no rules"):
        xquad_words("le Rhin", "fr")


def test_another_dictionary_for_thai_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segmentation, "version", lambda _: "4.0.2")
    segmentation._newmm.cache_clear()
    try:
        with pytest.raises(InternalError, match=r"pythainlp 4\.0\.2 is installed.*constraints\.txt"):
            segment("แมว", "th")
    finally:
        segmentation._newmm.cache_clear()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Eiffel Tower!", ["eiffel", "tower"]),
        ("an apple, a day", ["apple", "day"]),
        ("state-of-the-art", ["stateoftheart"]),
        ("“Panthers”", ["“panthers”"]),
        ("theatre", ["theatre"]),
    ],
)
def test_squads_rules(text: str, words: list[str]) -> None:
    assert squad_words(text) == words


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "The “Eiffel” Tower", ["eiffel", "tower"]),
        ("de", "Der Kölner Dom, eines der Wunder", ["kölner", "dom", "wunder"]),
        ("es", "¿La Habana?", ["habana"]),
        ("vi", "những con sông của Hà Nội", ["con", "sông", "hà", "nội"]),
        ("hi", "नई दिल्ली।", ["नई", "दिल्ली"]),
        ("zh", "北京，1990年", ["北", "京", "1990", "年"]),
        ("ar", "القاهرة", ["قاهرة"]),
        ("ar", "مجال", ["مج"]),  # the official script takes ال away inside a word as well
    ],
)
def test_mlqas_official_rules(language: str, text: str, words: list[str]) -> None:
    assert mlqa_words(text, language) == words


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("ar", "نهر النيل", ["نهر", "نيل"]),
        ("ar", "مجال", ["مجال"]),
        ("de", "der Rhein", ["rhein"]),
        ("el", "«Η Αθήνα»", ["η", "αθήνα"]),
        ("es", "la Habana\u200b", ["habana"]),
        ("ro", unicodedata.normalize("NFD", "Iași"), ["iași"]),
        ("ru", "«Москва»", ["москва"]),
        ("th", "“แมวกินปลา”", ["แมว", "กิน", "ปลา"]),
        ("th", "น้ำ", ["น้ำ"]),
        ("tr", "İSTANBUL'DA IRMAK", ["istanbulda", "ırmak"]),
        ("vi", unicodedata.normalize("NFD", "của Hà Nội"), ["hà", "nội"]),
        ("zh", "１９９０年", ["1990", "年"]),
    ],
)
def test_xquads_rules(language: str, text: str, words: list[str]) -> None:
    assert xquad_words(text, language) == words


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "Yahoo's patents; 3.5%", ["yahoo", "s", "patents", "3", "5"]),
        ("fr", "L’été commence.", ["l", "été", "commence"]),
        ("hi", "हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("hi", "क\u094d\u200dष", ["क\u094dष"]),
        ("ar", "مُحَمَّد،", ["مُحَمَّد"]),
        ("ja", "ﾄﾖﾀ、２０２０年。", ["トヨタ", "2020", "年"]),
        ("zh", "中美洲（Daniel）", ["中", "美", "洲", "daniel"]),
    ],
)
def test_words_of_a_summary_keep_marks_and_lose_punctuation(language: str, text: str, words: list[str]) -> None:
    assert summary_words(text, language) == words

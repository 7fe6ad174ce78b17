"""Parallel sentences in FLORES' layout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cftray.analysis.parallel import read_sentences
from cftray.errors import DataError
from cftray.spec.analysis import MiniSentences, ParallelFiles

REAL = os.environ.get("CFTRAY_REAL_DATA")


@pytest.fixture
def folder(tmp_path):
    def write(**files):
        for name, lines in files.items():
            (tmp_path / name.replace("__", ".")).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return tmp_path

    return write


def lines(language, n=6):
    return [f"{language} {number}" for number in range(n)]


def test_the_same_lines_are_drawn_of_every_language(folder):
    place = folder(eng__devtest=lines("en"), deu_Latn__devtest=lines("de"), rus__devtest=lines("ru"), LICENSE=["x"])
    texts = read_sentences(ParallelFiles(count=4, seed=3), place)
    assert list(texts) == ["en", "de", "ru"]
    drawn = [line.split()[1] for line in texts["en"]]
    assert drawn == sorted(drawn)
    assert all([line.split()[1] for line in of] == drawn for of in texts.values())
    assert texts == read_sentences(ParallelFiles(count=4, seed=3), place)
    assert texts != read_sentences(ParallelFiles(count=4, seed=4), place)


def test_languages_can_be_chosen(folder):
    place = folder(eng__dev=lines("en"), deu__dev=lines("de"), rus__dev=lines("ru"))
    assert list(read_sentences(ParallelFiles(count=3, languages=("ru",)), place)) == ["en", "ru"]


def test_two_scripts_of_a_language_stand_in_the_way_only_where_it_is_wanted(folder):
    place = folder(eng_Latn__dev=lines("en"), deu_Latn__dev=lines("de"), zho_Hans__dev=lines("zh"),
                   zho_Hant__dev=lines("zh"))  # fmt: skip
    assert list(read_sentences(ParallelFiles(count=3, languages=("de",)), place)) == ["en", "de"]
    with pytest.raises(DataError, match=r"zho_Hans.dev and zho_Hant.dev are both zh; keep one of them, or name"):
        read_sentences(ParallelFiles(count=3), place)


def test_names_of_the_first_flores_are_read(folder):
    place = folder(eng__dev=lines("en"), zho_simpl__dev=lines("zh"))
    assert list(read_sentences(ParallelFiles(count=3), place)) == ["en", "zh"]


def test_the_miniature_has_its_own():
    texts = read_sentences(MiniSentences(count=5), None)
    assert next(iter(texts)) == "en"
    assert {len(of) for of in texts.values()} == {5}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"deu__devtest": lines("de")}, "has no file for en"),
        ({"eng__devtest": lines("en")}, "holds en alone"),
        ({"eng__devtest": lines("en"), "deu__devtest": lines("de", 5)}, "different numbers of lines"),
        ({"eng__devtest": lines("en", 2), "deu__devtest": lines("de", 2)}, "2 lines a language, 4 were asked for"),
        ({"eng__dev": lines("en"), "eng__devtest": lines("en")}, "are both en"),
        ({"eng__devtest": [*lines("en", 3), " "], "deu__devtest": lines("de", 4)}, r"eng.devtest, line 4: is empty"),
    ],
)
def test_files_that_do_not_fit_are_refused(folder, files, said):
    with pytest.raises(DataError, match=said):
        read_sentences(ParallelFiles(count=4), folder(**files))


def test_an_absent_language_is_named_with_those_there_are(folder):
    place = folder(eng__devtest=lines("en"), deu__devtest=lines("de"))
    with pytest.raises(DataError, match=r"has no file for fr; .*de, en"):
        read_sentences(ParallelFiles(count=3, languages=("fr",)), place)


@pytest.mark.skipif(REAL is None, reason="CFTRAY_REAL_DATA names no folder with flores101/")
def test_real_flores_is_read():
    texts = read_sentences(ParallelFiles(count=50), Path(REAL) / "flores101")
    assert len(texts) == 12
    assert next(iter(texts)) == "en"

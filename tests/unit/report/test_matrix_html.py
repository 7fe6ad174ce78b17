"""The paper's layouts as HTML: heads say what they head, signs have words, nothing comes from outside."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from cftray.report.layouts import Layout
from cftray.report.matrix_html import html_matrix
from tests.unit.report.tables import matrix
from tests.unit.report.test_layouts import SCORES, TABLE

VOID = {"br", "hr", "img"}


class Reader(HTMLParser):
    """Collects tags with their attributes, and whether they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[int] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append(0)
        if tag in ("td", "th"):
            self.rows[-1] += int(dict(attrs).get("colspan") or 1)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


@pytest.mark.parametrize("layout", Layout)
def test_it_nests_and_every_row_is_as_wide_as_the_others(layout: Layout) -> None:
    reader = read(html_matrix(TABLE, layout))
    assert reader.open == []
    assert len(set(reader.rows)) == 1


def test_heads_say_what_they_head_and_signs_have_words() -> None:
    text = html_matrix(TABLE, Layout.D1)
    reader = read(text)
    scopes = [attributes.get("scope") for tag, attributes in reader.tags if tag == "th"]
    assert set(scopes) == {"colgroup", "col", "rowgroup", "row"}
    assert "caption" in {tag for tag, _ in reader.tags}
    assert '<abbr class="falls" title="falls">▼</abbr>' in text


def test_nothing_comes_from_outside_and_names_are_text() -> None:
    text = html_matrix(matrix({'<script src="x">': SCORES}, failed="<b>"), Layout.D1)
    tags = {tag for tag, _ in read(text).tags}
    assert not tags & {"script", "link", "img", "b"}
    assert "&lt;script" in text
    assert "url(" not in text

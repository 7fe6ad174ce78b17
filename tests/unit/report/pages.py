"""Pages as a parser and as a browser see them."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import pytest

VOID = {"meta", "br", "img", "link", "input", "line", "polyline", "col"}
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
ASK = """<script>addEventListener("load", () => {
  const root = document.documentElement, loaded = performance.getEntriesByType("resource").length;
  parent.postMessage([innerWidth, root.scrollWidth - root.clientWidth, loaded].join(" "), "*");
})</script>"""
FRAME = """<!doctype html><script>
addEventListener("message", event => {{ document.documentElement.dataset.told = event.data; }});
</script><iframe src="{file}" style="width: {width}px; height: 900px; border: 0"></iframe>"""
"""A window is never narrower than 500 pixels, a frame is as narrow as it is told to be."""


class Page(HTMLParser):
    """Collects tags and attributes, and holds that tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def links(self) -> list[str]:
        """Whatever the page points at."""
        return [value for name, value in self.attributes if name in ("src", "href", "srcset", "data", "xlink:href")]


class Seen(NamedTuple):
    """Pixels of the window, of what is laid out beyond its width, and how many things were loaded beside the page."""

    window: int
    beyond: int
    loaded: int


def in_browser(page: str, width: int, folder: Path) -> Seen:
    """The page in headless Chromium, its policy taken out for the question alone; skips where there is none."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no chromium on PATH")
    assert POLICY.search(page)
    file, frame = folder / "page.html", folder / "frame.html"
    file.write_text(POLICY.sub("", page).replace("</head>", f"{ASK}</head>"), encoding="utf-8")
    frame.write_text(FRAME.format(file=file.as_uri(), width=width), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}",
               "--window-size=1400,1000", "--virtual-time-budget=5000", "--dump-dom", frame.as_uri()]  # fmt: skip
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = re.search(r'data-told="(\d+) (\d+) (\d+)"', found.stdout)
    assert told is not None, found.stderr[-2000:]
    return Seen(*map(int, told.groups()))

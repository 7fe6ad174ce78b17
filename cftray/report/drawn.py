"""Figures for a page: a drawing's SVG put in line, in the colours of the page, light or dark."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree

from markupsafe import Markup

from cftray.analysis.figures.style import COLOURS, INK, MUTED, RULE

SVG: Final = "http://www.w3.org/2000/svg"
XLINK: Final = "{http://www.w3.org/1999/xlink}href"
LEFT_OUT: Final = frozenset({f"{{{SVG}}}metadata", f"{{{SVG}}}style"})
REFERENCE: Final = re.compile(r"url\(#([^)]*)\)")
VARIABLES: Final = {INK: "--ink", MUTED: "--muted", RULE: "--rule", "#ffffff": "--paper"} | {
    colour.lower(): f"--f{number}" for number, colour in enumerate(COLOURS)
}
"""Colours of figures, and the variable of `report.css` that stands for each."""


def in_line(svg: str, name: str, title: str) -> Markup:
    """The `svg` element: its ids begin with `name`, so that several can stand on one page, its colours are variables.

    Of a file that `cftray.analysis.figures` wrote, and no other.
    """
    root = ElementTree.fromstring(svg)
    for parent in list(root.iter()):
        for child in [one for one in parent if one.tag in LEFT_OUT]:
            parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
        _reword(element, name)
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-label": title}
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _reword(element: ElementTree.Element, name: str) -> None:
    attributes = dict(element.attrib)
    element.attrib.clear()
    for key, value in attributes.items():
        match key:
            case "id":
                element.set(key, f"{name}-{value}")
            case _ if key == XLINK:
                element.set("href", f"#{name}-{value[1:]}" if value.startswith("#") else value)
            case "style":
                element.set(key, _coloured(REFERENCE.sub(rf"url(#{name}-\1)", value)))
            case _ if not key.startswith("{"):
                element.set(key, REFERENCE.sub(rf"url(#{name}-\1)", value))


def _coloured(style: str) -> str:
    for colour, variable in VARIABLES.items():
        style = style.replace(colour, f"var({variable})")
    return style

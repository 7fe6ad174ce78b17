"""What every page of HTML here is made with: the template's environment, the style, files of the package.

Every string of a spec or record is user input and goes through Jinja's autoescape; the head that the pages share also
forbids them scripts and anything from elsewhere.
"""

from __future__ import annotations

import base64
from importlib import resources
from typing import Any, Final

import jinja2
import yaml
from markupsafe import Markup

from cftray.report import grid

STYLE: Final = "report.css"


def template(name: str) -> jinja2.Template:
    """A template of this package; it may import `parts.html.jinja`. Knows `css`, `grid` and filters for numbers."""
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(_file),
    )
    filters: dict[str, Any] = {
        "percent": lambda share: f"{100 * share:.1f} %",
        "count": lambda number: f"{number:,}",
        "width": lambda share: f"{100 * share:.2f}%",
    }
    environment.filters.update(filters)
    environment.globals.update({"grid": grid, "css": Markup(_file(STYLE))})
    return environment.get_template(name)


def as_yaml(document: Any) -> str:
    """A spec's JSON as people write it, in its own order."""
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def data_link(content: str, media_type: str) -> str:
    """A `data:` link to a text that the page carries."""
    return f"data:{media_type};base64,{base64.b64encode(content.encode()).decode()}"


def _file(name: str) -> str:
    return resources.files("cftray.report").joinpath(name).read_text(encoding="utf-8")

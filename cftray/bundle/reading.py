"""A bundle from its file, or from the report that carries it."""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path

from pydantic import ValidationError

from cftray.bundle.document import SCHEMA, Bundle
from cftray.errors import CFTRayError, FailureClass

HREF = "data:application/json;base64,"
CARRIED = re.compile(rf'href="{re.escape(HREF)}([A-Za-z0-9+/=]+)"')


class BadBundle(CFTRayError):
    """A file that holds no bundle which this version can read."""

    code = "bad-bundle"
    failure = FailureClass.USER


def read_bundle(path: Path) -> Bundle:
    """The bundle in a JSON file or in a report's HTML. Raises BadBundle."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise BadBundle(f"{path}: {reason}; expected a bundle (`cftray bundle ID`) or a report") from error
    return _parsed(text if text.lstrip().startswith("{") else _carried(text, path), path)


def href_of(bundle: Bundle) -> str:
    """The link by which a page carries a bundle."""
    return HREF + base64.b64encode(bundle.text().encode()).decode()


def _carried(page: str, path: Path) -> str:
    found = CARRIED.search(page)
    if found is None:
        raise BadBundle(
            f"{path}: neither JSON nor a report that carries a bundle; reports of before bundles carry none: "
            "`cftray report ID` on the service that has the experiment writes one that does"
        )
    try:
        return base64.b64decode(found[1], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadBundle(f"{path}: the bundle in this report is damaged; save the report again") from error


def _parsed(text: str, path: Path) -> Bundle:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadBundle(f"{path}: line {error.lineno}: {error.msg}; expected a bundle's JSON") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(schema, int):
        raise BadBundle(f"{path}: JSON without a bundle's schema number; expected the file of `cftray bundle ID`")
    if schema != SCHEMA:
        raise BadBundle(
            f"{path}: a bundle of schema {schema}, this CFTRay reads schema {SCHEMA}; "
            f"{'update CFTRay' if schema > SCHEMA else 'write it again with `cftray bundle ID`'}"
        )
    try:
        return Bundle.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise BadBundle(f"{path}: {where}: {first['msg']}; expected a bundle of schema {SCHEMA}, unchanged") from error

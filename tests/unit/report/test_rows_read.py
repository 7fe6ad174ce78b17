"""The report's table of what was read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cftray.report.facts import stages_of
from cftray.report.html import html_report
from cftray.report.rows_read import ReadSet, rows_read
from tests.unit.report.conftest import DOCUMENT

COUNTS = {
    "records": 20149, "rows": 20000, "empty": 1, "duplicates": 7, "null_input": 11452, "not_drawn": 148,
    "language_checked": 200, "other_language": 5,
}  # fmt: skip


def phase2(**rules: Any) -> dict[str, Any]:
    return DOCUMENT["phase2"] | {"data": {"path": "multi/*.jsonl", "languages": {"by": "file"}, "rules": rules}}


def test_what_is_left_out_and_what_is_only_counted_stand_apart(world: Callable[..., Any]) -> None:
    made = world(phase2=phase2())
    made.record("rows.p2", metrics=COUNTS, details={"languages": {"es": 9000, "ja": 11000}})
    assert rows_read(stages_of(made.plan, made.store)) == [
        ReadSet(
            title="Rows of phase 2",
            records=20149,
            rows=20000,
            left_out=("1 without instruction or response", "148 not drawn"),
            noted=("7 duplicates", "11,452 with null input", "5 of 200 looked at in another language"),
            languages=(("ja", 11000), ("es", 9000)),
        )
    ]
    page = html_report(made.spec, made.plan, made.store)
    assert "Rows read" in page
    assert "ja 11,000, es 9,000" in page


def test_duplicates_that_the_rules_drop_are_left_out(world: Callable[..., Any]) -> None:
    made = world(phase2=phase2(duplicates="drop"))
    made.record("rows.p2", metrics=COUNTS)
    (found,) = rows_read(stages_of(made.plan, made.store))
    assert "7 duplicates" in found.left_out
    assert not any("duplicates" in phrase for phrase in found.noted)


def test_an_experiment_on_the_miniature_reads_no_files(world: Callable[..., Any]) -> None:
    made = world()
    made.record_all()
    assert "Rows read" not in html_report(made.spec, made.plan, made.store)

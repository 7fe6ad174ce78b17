"""The table of what was translated and what was not."""

from types import SimpleNamespace

from cftray.plan import StageKind
from cftray.report.translations import translations


def stage(into, rows, translated, again, **reasons):
    node = SimpleNamespace(title=f"phase 2 in {into}", kind=StageKind.TRANSLATE)
    metrics = {"rows": rows, "translated": translated, "tried_again": again}
    return node, SimpleNamespace(metrics=metrics, details={"into": into, "reasons": reasons})


def test_a_row_a_language_and_a_column_a_reason_the_most_frequent_first():
    waiting = (SimpleNamespace(title="phase 2 in fr", kind=StageKind.TRANSLATE), None)
    table = translations([stage("de", 10, 7, 2, rhyme=2, length=1), waiting, stage("es", 10, 6, 4, length=4)])
    assert table.reasons == ("length", "rhyme")
    assert [(one.language, one.translated, one.again, one.counts) for one in table.languages] == [
        ("de", 7, 2, (1, 2)),
        ("es", 6, 4, (4, 0)),
    ]


def test_nothing_translated_is_an_empty_table():
    assert not translations([]).languages

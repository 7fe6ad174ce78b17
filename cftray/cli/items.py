"""Commands on items: `cftray items diff A B`, `cftray items show A`.

    $ cftray items diff exp_7k2q:p1 exp_7k2q:p2 --task mmlu --top 3
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cftray.cli.item_diff import Diff, Tally, Twin, diff
from cftray.cli.item_sources import HELP, Item, chosen, load
from cftray.cli.previews import CONTROLS
from cftray.cli.session import AsJson, Session, echo_json

Task = Annotated[str | None, typer.Option(help="Only of this task or benchmark.")]
Language = Annotated[str | None, typer.Option(help="Only in this language.")]
WIDTH = 120
"""Characters of an output that are shown."""


def diff_(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help=f"Before: {HELP}", show_default=False)],
    b: Annotated[str, typer.Argument(metavar="B", help="After: likewise.", show_default=False)],
    task: Task = None,
    language: Language = None,
    top: Annotated[int, typer.Option(min=0, help="So many of the largest falls and rises.")] = 5,
    csv_: Annotated[Path | None, typer.Option("--csv", help="Every item of both, to this file.")] = None,
    json_: AsJson = False,
) -> None:
    """What B lost and what it gained against A, item by item."""
    session: Session = context.obj
    before, after = (chosen(load(session, source), task, language) for source in (a, b))
    found = diff(before, after)
    if csv_ is not None:
        _write_csv(found, csv_)
    if json_:
        echo_json(_document(a, b, found, top))
        return
    _show(session, found, top)
    if csv_ is not None:
        typer.echo(f"{len(found.twins):,} items: {csv_}")


def show(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="A", help=HELP, show_default=False)],
    task: Task = None,
    language: Language = None,
    item: Annotated[str | None, typer.Option(help="Only this item, with its whole output.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    json_: AsJson = False,
) -> None:
    """What a model answered, and how each answer was scored."""
    session: Session = context.obj
    found = chosen(load(session, source), task, language)
    wanted = [one for one in found if item in (None, one.item)]
    if json_:
        echo_json([_of_item(one) for one in wanted[:limit]])
        return
    width = WIDTH if item is None else None
    rows = ((one.task, one.item, _score(one.score), _remark(one), _plain(one.output, width)) for one in wanted[:limit])
    session.table(("task", "item", "score", "", "output"), rows)
    if len(wanted) > limit:
        typer.echo(f"{limit} of {len(wanted):,}; --limit shows more", err=True)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="What models answered, item by item.", no_args_is_help=True)
    group.command("diff")(diff_)
    group.command()(show)
    app.add_typer(group, name="items")


def _show(session: Session, found: Diff, top: int) -> None:
    heads = ("benchmark", "language", "items", "lost", "gained", "unchanged", "not scored", "net", "before", "after")
    session.table(heads, [_line(one) for one in found.tallies()])
    for title, twins in (("Largest falls", found.falls(top)), ("Largest rises", found.rises(top))):
        if twins:
            typer.echo(f"\n{title}")
            session.table(("task", "item", "score", "", "output"), [line for twin in twins for line in _lines(twin)])
    if found.only_before or found.only_after:
        typer.echo(f"not compared: {found.only_before} items in A alone, {found.only_after} in B alone", err=True)


def _line(one: Tally) -> tuple[str, ...]:
    counts = (one.n, one.lost, one.gained, one.unchanged, one.unscored)
    scores = ("" if value is None else f"{100 * value:.1f}" for value in (one.before, one.after))
    return one.benchmark, one.language, *(f"{count:,}" for count in counts), f"{one.net:+,}", *scores


def _lines(twin: Twin) -> list[tuple[str, ...]]:
    """Both outputs under each other."""
    before, after = twin.before, twin.after
    change = f"{_score(before.score)} → {_score(after.score)}"
    return [
        (before.task, before.item, change, "A", _plain(before.output, WIDTH)),
        ("", "", "", "B", _plain(after.output, WIDTH)),
    ]


def _score(score: float | None) -> str:
    return "–" if score is None else f"{score:.3g}"


def _remark(one: Item) -> str:
    return "; ".join(part for part in ("cut" if one.truncated else "", one.unscored or "") if part)


def _plain(text: str, width: int | None) -> str:
    """One line that moves no terminal's cursor, cut to `width` characters."""
    line = " ".join(text.split()).translate(CONTROLS)
    return line if width is None or len(line) <= width else f"{line[: width - 1]}…"


def _document(a: str, b: str, found: Diff, top: int) -> dict[str, Any]:
    """{"a", "b", "tallies": [{suite, benchmark, language, n, lost, gained, unchanged, unscored, net, before, after}],
    "falls": [{task, item, language, before, after, output_before, output_after}], "rises": likewise,
    "only_a", "only_b"}; scores are 0 to 1, or null."""
    return {
        "a": a,
        "b": b,
        "tallies": [_of_tally(one) for one in found.tallies()],
        "falls": [_of_twin(one) for one in found.falls(top)],
        "rises": [_of_twin(one) for one in found.rises(top)],
        "only_a": found.only_before,
        "only_b": found.only_after,
    }


def _of_tally(one: Tally) -> dict[str, Any]:
    names = ("suite", "benchmark", "language", "n", "lost", "gained", "unchanged", "unscored", "net", "before", "after")
    return {name: getattr(one, name) for name in names}


def _of_item(one: Item) -> dict[str, Any]:
    names = ("task", "item", "suite", "benchmark", "language", "score", "truncated", "unscored", "output")
    return {name: getattr(one, name) for name in names}


def _of_twin(twin: Twin) -> dict[str, Any]:
    before, after = twin.before, twin.after
    return {
        "task": before.task,
        "item": before.item,
        "language": before.language,
        "before": before.score,
        "after": after.score,
        "output_before": before.output,
        "output_after": after.output,
    }


def _write_csv(found: Diff, path: Path) -> None:
    """A line an item, with both outputs whole."""
    rows: Sequence[dict[str, Any]] = [
        _of_twin(twin) | {"suite": twin.before.suite, "benchmark": twin.before.benchmark, "fate": twin.fate.value}
        for twin in found.twins
    ]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

"""`cftray similarity`: how alike data sets are, before anything is trained on them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cftray.cli.experiments import follow
from cftray.cli.named_sets import asked_sets
from cftray.cli.session import DONE, FAILED, AsJson, Session, echo_json

if TYPE_CHECKING:
    from cftray.client_similarity import Similarity
    from cftray.report.similarity import Alike, SimilarityResult

Sets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SET…", help="Files, folders, patterns or mini:alpaca-mini; or one spec (YAML).", show_default=False
    ),
]
Listed = list[str] | None


class Text(StrEnum):
    """What of a row is embedded."""

    RENDERED = "rendered"
    INSTRUCTION = "instruction"


def similarity(
    context: typer.Context,
    sets: Sets = None,
    name: Annotated[Listed, typer.Option(help="`NAME=PATH`: a set and its name; may be repeated.")] = None,
    adapter: Annotated[Listed, typer.Option(help="How records are read: `chat`, or `NAME=chat` of one set.")] = None,
    language: Annotated[Listed, typer.Option(help="`de`, or `NAME=de` of one set; `file`: as files are named.")] = None,
    encoder: Annotated[str | None, typer.Option(help="A sentence encoder; LaBSE unless said.")] = None,
    samples: Annotated[int | None, typer.Option(min=2, help="Rows embedded of each; 500 unless said.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws the rows.")] = None,
    text: Annotated[Text | None, typer.Option(help="rendered (the whole row) unless said.")] = None,
    accelerator: Annotated[str | None, typer.Option(help="GPU, where one is to embed.")] = None,
    title: Annotated[str | None, typer.Option(help="The comparison's name; otherwise its sets'.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", "--watch", help="Stay until it is known.")] = True,
    json_: AsJson = False,
) -> None:
    """How alike data sets are, before anything is trained on them (DES, with intervals and by language)."""
    session: Session = context.obj
    run = session.client().similarity(
        asked_sets(sets or [], name or [], adapter or [], language or []),
        name=title, encoder=encoder, samples=samples, seed=seed, text=text, accelerator=accelerator,
    )  # fmt: skip
    code = _until_known(session, run, json_) if wait else DONE
    if json_:
        echo_json(run.view)
    elif wait:
        show_similarity(session, run)
    else:
        from cftray.cli.watch import heading

        session.console.print(heading(run), soft_wrap=True)
    raise typer.Exit(code)


def show_similarity(session: Session, run: Similarity) -> None:
    """The matrix with intervals, languages of every two sets, and what was embedded."""
    from cftray.report.similarity import SimilarityResult

    if run.result is None:
        return
    found = SimilarityResult.model_validate(run.result)
    session.table((str(run.view["name"]), *found.sets), _matrix(found))
    session.console.print()
    session.table(("", "", "languages", "rows", "DES", "95 %", "corrected"), _pairs(found))
    session.console.print()
    facts = (
        (name, f"{one.samples:,} of {one.rows:,}", _counts(one.languages), _share(one.truncated_share))
        for name, one in found.sets.items()
    )
    session.table(("set", "rows embedded", "languages", "cut short"), facts)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(similarity)


def _until_known(session: Session, run: Similarity, as_json: bool) -> int:
    """The exit code. With `--json` nothing else is printed meanwhile: the answer is one document."""
    if not as_json:
        code = follow(session, [run], as_json)
        run.refresh()
        return code
    run.wait(check=False)
    return DONE if run.state == "succeeded" else FAILED


def _matrix(found: SimilarityResult) -> list[tuple[str, ...]]:
    """A value and, below it, its interval."""
    return [(row, *(_cell(found.pair(row, column)) for column in found.sets)) for row in found.sets]


def _cell(pair: Alike | None) -> str:
    return "1" if pair is None else "\n".join(part for part in (f"{pair.des:.3f}", _interval(pair)) if part)


def _pairs(found: SimilarityResult) -> list[tuple[str, ...]]:
    """Every two sets, and below them each two of their languages, where there is more than one pair of these."""
    lines: list[tuple[str, ...]] = []
    for pair in found.pairs:
        one = pair.languages[0] if len(pair.languages) == 1 else None
        rows = f"{found.sets[pair.first].samples:,} × {found.sets[pair.second].samples:,}"
        codes = f"{one.first} × {one.second}" if one is not None else "all"
        lines.append((pair.first, pair.second, codes, rows, *_figures(pair)))
        if one is None:
            lines += [
                ("", "", f"{each.first} × {each.second}", f"{each.rows[0]:,} × {each.rows[1]:,}", *_figures(each))
                for each in pair.languages
            ]
    return lines


def _figures(pair: Alike) -> tuple[str, str, str]:
    return f"{pair.des:.3f}", _interval(pair), "" if pair.corrected is None else f"{pair.corrected:.3f}"


def _interval(pair: Alike) -> str:
    return "" if pair.low is None or pair.high is None else f"{pair.low:.3f} to {pair.high:.3f}"


def _counts(languages: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {count:,}" for code, count in languages.items())


def _share(share: float | None) -> str:
    return "can't be told" if share is None else f"{share:.0%}"

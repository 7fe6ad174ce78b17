"""`cftray preview SPEC`: what the models will see of the data, token by token.

Learned tokens are lit, a shade for each, prompts dim, special tokens apart. Without colour, what is
learned stands between « and ». Space is made visible where it is easily missed: line breaks, tabs, several
spaces in a row, and spaces at the end of a line or of the prompt.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cftray.cli.experiments import Spec
from cftray.cli.own_previews import completed
from cftray.cli.session import AsJson, Session, echo_json

Json = Mapping[str, Any]

HEAD, TAIL = 240, 160
"""Tokens shown of the beginning and the end of a row longer than both together."""

LEARNED = ("black on #87d787", "black on #5faf5f")
STYLES = {"text": "dim", "special": "magenta", "unknown": "bold white on red", "gap": "italic cyan"}
HIDDEN, HIDDEN_AT_END = re.compile(r" {2,}| +(?=\n)"), re.compile(r" {2,}| +(?=\n|$)")
CONTROLS = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"}
CONTROLS |= {0x7F: "␡"} | dict.fromkeys(range(0x80, 0xA0), "\ufffd")
"""Control characters as their pictures: data must not move a terminal's cursor."""


def preview(
    context: typer.Context,
    spec: Spec,
    rows: Annotated[int, typer.Option(min=1, max=20, help="Rows to show of each data set.")] = 3,
    json_: AsJson = False,
) -> None:
    """What the models will see of the data: rows as tokens, lengths, what is cut, tokens per language."""
    session: Session = context.obj
    found = completed(session.client().preview(spec, rows), spec, rows)
    if json_:
        echo_json(found)
        return
    for phase in found:
        show(session, phase)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(preview)


def show(session: Session, phase: Json) -> None:
    """One phase's rows and figures."""
    seen, console = phase["seen"], session.console
    console.print(heading(phase), soft_wrap=True)
    if seen is None:
        console.print(Text(f"not shown: {phase['unseen']}"), soft_wrap=not console.is_terminal)
        console.print()
        return
    coloured = console.color_system is not None
    for row in seen["rows"]:
        console.print()
        console.print(Text(f"{row['id']} · {row['language']} · {_length(row, seen['max_length'])}", style="bold"))
        console.print(row_text(row["tokens"], coloured=coloured), soft_wrap=not console.is_terminal)
    console.print()
    console.print(figures(seen))
    console.print()
    session.table(("language", "rows", "tokens", "learned", "share of what is learned"), language_rows(seen))
    console.print()


def heading(phase: Json) -> Text:
    """`Phase 1 · alpaca.json · template chat · tokenizer mini:base`."""
    by = phase.get("recorded_by")
    return Text.assemble(
        (f"Phase {phase['phase']}", "bold cyan"),
        f" · {phase['data']} · template {phase['template']} · tokenizer of {phase['model']}",
        f" · as {by} read it" if by else "",
    )


def row_text(tokens: Sequence[Json], *, coloured: bool) -> Text:
    """A row's tokens as one text, those in the middle of a long row left out."""
    text = Text(overflow="fold")
    for learned, run in itertools.groupby(_with_gap(tokens), key=lambda token: token["supervised"]):
        part = list(run)
        text.append("«" if learned and not coloured else "")
        for place, token in enumerate(part):
            text.append(visible(token["text"], last=place + 1 == len(part)), style=_style(token, place))
        text.append("»" if learned and not coloured else "")
    return text


def visible(text: str, *, last: bool) -> str:
    """The text with space that is easily missed made visible; `last`: the prompt or the response ends here."""
    hidden = HIDDEN_AT_END if last else HIDDEN
    text = hidden.sub(lambda match: "·" * len(match[0]), text.translate(CONTROLS))
    return text.replace("\t", "→\t").replace("\n", "↵\n")


def figures(seen: Json) -> Table:
    """What is counted over the rows looked at."""
    grid = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in _figures(seen):
        grid.add_row(Text(name, style="dim"), Text(value))
    return grid


def language_rows(seen: Json) -> list[tuple[str, ...]]:
    """A row of cells a language, the one with most learned tokens first."""
    whole = sum(one["supervised"] for one in seen["languages"].values()) or 1
    ordered = sorted(seen["languages"].items(), key=lambda item: -item[1]["supervised"])
    return [
        (language, f"{one['rows']:,}", f"{one['tokens']:,}", f"{one['supervised']:,}",
         f"{one['supervised'] / whole:.1%}")
        for language, one in ordered
    ]  # fmt: skip


def _figures(seen: Json) -> Iterator[tuple[str, str]]:
    lengths, looked = seen["lengths"], seen["looked_at"]
    yield "rows looked at", looked_at(seen)
    yield "tokens of a row", f"median {lengths['median']:,}, 95 % {lengths['p95']:,}, longest {lengths['longest']:,}"
    yield f"cut at {seen['max_length']:,} tokens", f"{seen['truncated']:,} rows, {seen['truncated_share']:.1%}"
    nothing = seen["without_supervised_tokens"]
    yield "nothing to learn in", f"{nothing:,} of {looked:,} rows" + (": left out of training" if nothing else "")
    yield "tokens over the border", f"{seen['border_tokens']:,}, part prompt and part response: not learned"
    if seen["unknown_tokens"]:
        yield "unknown tokens", f"{seen['unknown_tokens']:,}: text that the tokenizer has no token for"
    if seen["empty"]:
        yield "records left out", f"{seen['empty']:,} without instruction or response"


def looked_at(seen: Json) -> str:
    """How many rows, and which."""
    looked, out_of = seen["looked_at"], seen["out_of"]
    if seen["choice"] == "all":
        return f"all {looked:,}"
    if seen["choice"] == "drawn":
        return f"{looked:,} of {out_of:,}, drawn evenly"
    return f"the first {looked:,} of " + (f"{out_of:,}" if out_of is not None else "files too large to count them in")


def _with_gap(tokens: Sequence[Json]) -> list[Json]:
    left_out = len(tokens) - HEAD - TAIL
    if left_out <= 0:
        return list(tokens)
    gap = {"text": f" ⋯ {left_out:,} tokens ⋯ ", "supervised": tokens[HEAD]["supervised"], "kind": "gap"}
    return [*tokens[:HEAD], gap, *tokens[-TAIL:]]


def _style(token: Json, place: int) -> str:
    if token["kind"] in ("unknown", "gap") or not token["supervised"]:
        return STYLES[token["kind"]]
    return LEARNED[place % 2] + (" bold" if token["kind"] == "special" else "")


def _length(row: Json, most: int) -> str:
    return f"{row['length']:,} tokens" + (f", cut at {most:,}" if row["length"] > most else "")

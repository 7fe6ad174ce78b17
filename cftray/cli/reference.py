"""Commands that look things up: recipes, schema."""

from __future__ import annotations

import typer

from cftray.cli.session import AsJson, Session, echo_json


def recipes(context: typer.Context, json_: AsJson = False) -> None:
    """Named experiments, with an example of each that can be submitted."""
    session: Session = context.obj
    found = session.client().recipes()
    if json_:
        echo_json(found)
        return
    import yaml

    for recipe in found:
        typer.echo(f"{recipe['name']}  {recipe['title']}")
        for line in yaml.safe_dump(recipe["example"], sort_keys=False).splitlines():
            typer.echo(f"    {line}")


def schema(
    context: typer.Context,
    json_: AsJson = False,  # noqa: ARG001 - it is JSON either way
) -> None:
    """The JSON Schema of a spec, for editors."""
    session: Session = context.obj
    echo_json(session.client().schema())


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (recipes, schema):
        app.command()(command)

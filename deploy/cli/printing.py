"""Printing: text from a store or a file is cleaned first, so that it cannot send control sequences to the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from tansaku.models.domain.errors import ConfigurationError, TansakuError
from tansaku.models.domain.identifiers import printable

if TYPE_CHECKING:
    from pathlib import Path

    from rich.text import Text

_ERASE = "\r\033[K"
_KEPT = "\n\t"


def clean(text: str) -> str:
    """Escapes control characters other than line breaks and tabs.

    Args:
        text: Of any origin.
    """
    return printable(text, keep=_KEPT)


def say(text: object = "", *, err: bool = False, nl: bool = True) -> None:
    """Prints text with control characters escaped.

    Args:
        text: Of any origin.
        err: On standard error.
        nl: Whether a line break follows.
    """
    typer.echo(clean(str(text)), err=err, nl=nl)


def say_json(text: str) -> None:
    r"""Prints JSON; control characters are written as ``\\uXXXX``, which leaves the data unchanged.

    Args:
        text: As ``json.dumps`` writes it.
    """
    typer.echo(
        "".join(character if character.isprintable() or character == "\n" else _escaped(character) for character in text)
    )


@contextmanager
def writing(option: str, path: Path) -> Iterator[None]:
    """Names the file that cannot be written.

    Args:
        option: Of the command.
        path: Its value.

    Raises:
        ConfigurationError: The system refuses.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, TansakuError):  # of the database, perhaps
            raise
        raise ConfigurationError(f"{option}: {str(path)!r} cannot be written: {error.strerror}") from error


def say_progress(text: str = "") -> None:
    """Replaces the last line of the terminal, on standard error; without a text, removes it.

    Args:
        text: One line.
    """
    typer.echo(f"{_ERASE}{printable(text)}", err=True, nl=False)


def words(text: object, style: str = "") -> Text:
    """Text for rich, without markup and control characters.

    Args:
        text: Of any origin.
        style: Rich's name of a style.
    """
    from rich.text import Text

    return Text(clean(str(text)), style=style)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))

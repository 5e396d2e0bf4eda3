"""How pages show numbers, times and texts of the store."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape
from urllib.parse import quote

from tansaku.models.domain.identifiers import printable

_TERMINAL_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CODE = re.compile(r"`([^`\n]+)`")
ABSENT = "–"


def number(value: float | None) -> str:
    """A number with six digits; a dash where there is none."""
    return ABSENT if value is None else f"{value:.6g}"


def cost(value: float | None, unit: str | None = None) -> str:
    """A cost with its unit, if that is known."""
    if value is None:
        return ABSENT
    return f"{value:,.0f}{'' if unit is None else f' {unit}'}"


def share(part: float, whole: float | None) -> str:
    """A part of a whole in percent; empty without a whole."""
    return f"{100 * part / whole:.3g} %" if whole else ""


def moment(value: datetime | None) -> str:
    """A time in UTC, to the second."""
    return ABSENT if value is None else f"{value:%Y-%m-%d %H:%M:%S}Z"


def plain(text: str) -> str:
    """A text of the store without terminal codes; other control characters but newlines and tabs are written out."""
    return printable(_TERMINAL_CODES.sub("", text), keep="\n\t")


class Html(str):
    """A text that is already HTML; templates do not escape it again."""

    __slots__ = ()

    def __html__(self) -> str:
        """The text, as templates ask for it."""
        return self


def message(text: str) -> Html:
    """A message as HTML: text between backticks (commands, keys) is set as code."""
    return Html(_CODE.sub(r"<code>\1</code>", escape(plain(text))))


def campaign_address(name: str) -> str:
    """Path of a campaign's page."""
    return f"/campaigns/{quote(name, safe='')}"


FILTERS = {"number": number, "cost": cost, "moment": moment, "plain": plain, "message": message}
"""Filters of the templates, by name."""

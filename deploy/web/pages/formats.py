"""Texts of pages for numbers, times and texts of the store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from urllib.parse import quote

from tansaku.models.domain.identifiers import printable
from tansaku.models.domain.states import CampaignState
from tansaku.models.domain.wording import DIGITS, headed, places, pretty_unit, significant, titled, with_unit
from tansaku.tasks.read.views.status import CampaignStatus

_TERMINAL_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CODE = re.compile(r"`([^`\n]+)`")
_NONE = "–"
_WHOLE_FROM = 100.0
_WIDEST_ROOM = 9  # classes room-1 to room-9 of the style sheet


class Html(str):
    """A text that is already HTML; templates do not escape it again."""

    __slots__ = ()

    def __html__(self) -> str:
        """The text, as templates ask for it."""
        return self


ABSENT = Html(_NONE)


def number(value: float | None, deviation: float | None = None, digits: int = DIGITS) -> Html:
    """A number in the digits that are known, with all of them on hover; a dash where there is none.

    Args:
        deviation: Its standard deviation; None: not known.
        digits: Significant digits without one.
    """
    return ABSENT if value is None else _shown(float(value), deviation, digits, 0)


def aligned(
    values: Iterable[float | None], deviations: Iterable[float | None] | None = None, digits: int = DIGITS
) -> list[Html]:
    """The numbers of a column as :func:`number` shows them, aligned by their points; those with an exponent end at the edge.

    Args:
        deviations: Their standard deviations; None: not known.
        digits: Significant digits of a number without one.
    """
    numbers = [None if value is None else float(value) for value in values]
    spreads = [None] * len(numbers) if deviations is None else list(deviations)
    pairs = list(zip(numbers, spreads, strict=True))
    texts = ["" if value is None else significant(value, spread, digits) for value, spread in pairs]
    widest = max(map(places, texts), default=0)
    return [
        ABSENT if value is None else _shown(value, spread, digits, 0 if "e" in text else widest - places(text))
        for (value, spread), text in zip(pairs, texts, strict=True)
    ]


def _shown(value: float, deviation: float | None, digits: int, room: int) -> Html:
    """A number as HTML, with room for so many characters at its right."""
    text = significant(value, deviation, digits)
    full = f"{value!r} ± {deviation!r}" if " ± " in text else repr(value)
    padded = f' class="room-{min(room, _WIDEST_ROOM)}"' if room else ""
    if text != full and (" ± " in text or float(text) != value):
        return Html(f'<data value="{value!r}" title="{full}"{padded}>{text}</data>')
    return Html(f"<span{padded}>{text}</span>" if padded else text)


def sparkline(curve: Sequence[tuple[int, float]], evaluations: int) -> Html:
    """A small curve of the best value so far, without axes; empty before a second evaluation. The table has its last value.

    Args:
        curve: The improvements, as (evaluation, value).
        evaluations: At which the curve ends.
    """
    if not curve or curve[0][0] == evaluations:
        return Html("")
    least, most = min(value for _, value in curve), max(value for _, value in curve)
    tall = (most - least) or 1.0
    places = [(round(200 * number / evaluations), round(36 - 32 * (value - least) / tall)) for number, value in curve]
    # Steps of half a pixel are not seen.
    (first, top), *others = dict.fromkeys(places)
    path = f"M{first},{top}" + "".join(f"H{x}V{y}" for x, y in others) + "H200"
    return Html(f'<svg class="spark" viewBox="0 0 200 40" aria-hidden="true"><path d="{path}"/></svg>')


def cost(value: float | None, unit: str | None = None) -> str:
    """A cost with its unit, if that is known: whole numbers from 100 on."""
    if value is None:
        return _NONE
    shown = f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else significant(value, digits=3)
    return shown if unit is None else f"{shown} {unit}"


def share(part: float, whole: float | None) -> str:
    """A part of a whole in percent; empty without a whole."""
    return f"{significant(100 * part / whole, digits=3)} %" if whole else ""


def moment(value: datetime | None) -> str:
    """A time in UTC, to the second."""
    return _NONE if value is None else f"{value:%Y-%m-%d %H:%M:%S}Z"


def fitted(times: int) -> str:
    """Number of times that a proposer had fitted its parameters, in words."""
    return "parameters fitted once" if times == 1 else f"parameters fitted {times} times"


def plain(text: str) -> str:
    """A text of the store without terminal codes; other control characters but newlines and tabs are written out."""
    return printable(_TERMINAL_CODES.sub("", text), keep="\n\t")


def unit_shown(unit: str) -> str:
    """A unit alone."""
    return pretty_unit(plain(unit))


def beside(unit: str) -> str:
    """A unit as it follows a number, with the blank between them; nothing for plain numbers."""
    return with_unit("", unit_shown(unit))


def bracketed(unit: str) -> str:
    """A unit as it follows a name in a heading; nothing for plain numbers."""
    return headed("", unit_shown(unit))


def message(text: str) -> Html:
    """A message as HTML: text between backticks (commands, keys) is set as code."""
    return Html(_CODE.sub(r"<code>\1</code>", escape(plain(text))))


_TITLE_MARKS = {
    CampaignState.WAITING: "? ",
    CampaignState.INTERRUPTED: "! ",
    CampaignState.FINISHED: "✓ ",
    CampaignState.STOPPED: "✗ ",
}


def title_mark(status: CampaignStatus) -> str:
    """Sign before a campaign's name in the title of its page: that it has ended, or that somebody should look."""
    return "! " if status.silence is not None else _TITLE_MARKS.get(status.state, "")


def campaign_address(name: str) -> str:
    """Path of a campaign's page."""
    return f"/campaigns/{quote(name, safe='')}"


FILTERS = {
    "number": number,
    "cost": cost,
    "titled": titled,
    "moment": moment,
    "plain": plain,
    "beside": beside,
    "unit": unit_shown,
    "bracketed": bracketed,
    "message": message,
    "title_mark": title_mark,
    "fitted": fitted,
}
"""Filters of the templates, by name."""

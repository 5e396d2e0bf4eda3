"""Colours of figures on light and dark pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from matplotlib.colors import to_hex

import tansaku
from tansaku.tasks.read.figures.style import FAINT, INK, PALETTE, PAPER, Scheme, drawing, drawn_for

STYLE = Path(tansaku.__file__).parent / "deploy" / "web" / "static" / "style.css"
BEHIND = dict(re.findall(r"--(back|panel): light-dark\((#\w{6}), ", STYLE.read_text()))
BEHIND_DARK = dict(re.findall(r"--(back|panel): light-dark\(#\w{6}, (#\w{6})\)", STYLE.read_text()))


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(colour: str, other: str) -> float:
    dark, light = sorted((_luminance(colour), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("scheme", "behind"), [("light", BEHIND), ("dark", BEHIND_DARK)])
def test_lines_and_texts_are_seen_on_pages_of_their_scheme(scheme: Scheme, behind: dict[str, str]):
    """4.5 is what WCAG asks of texts; faint lines of light figures carry no text."""
    assert set(behind) == {"back", "panel"}
    with drawn_for(scheme), drawing():
        seen = [colour for colour in PALETTE if scheme == "dark" or colour != FAINT]
        assert min(_contrast(to_hex(colour), ground) for colour in seen for ground in behind.values()) >= 4.4
        assert to_hex(PAPER) == behind["back"]


def test_a_scheme_ends_with_its_context():
    def fail() -> None:
        with drawn_for("dark"), drawing():
            assert to_hex(INK) == "#e6e9ec"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with drawing():
        assert to_hex(INK) == "#1f2937"

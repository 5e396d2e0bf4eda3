"""Documents are in plain English: no banned phrase, no misspelling. `test_plain_words.py` does the same for the code.

A banned phrase stands with a plain one. Code blocks and text in backticks are left out, because they are those of the program.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
KNOWN_WORDS = "dscribe,mater,nin"

BANNED = {
    r"dear(er|est|ly)?": "expensive",
    r"under way": "in progress",
    r"wish(es)?": "request",
    r"whereabouts": "place",
    r"doubts": "what is uncertain",
    r"(is|are|was|be|been) told": "sees, is given, is reported",
    r"told apart": "distinguished",
    r"slopes?": "gradient",
    r"first looks?": "pre-screening",
    r"spar(es|ed|ing)": "saves",
    r"leaves? over": "residual",
    r"(nobody|nothing else) names": "unreferenced",
    r"is swept|are swept": "is deleted",
    r"for ever": "indefinitely",
    r"anew": "again",
    r"in the mean": "on average",
    r"mend(s|ed|ing)?": "fix",
    r"(go|goes|going|went|gone) on (with|where|until|as)": "continue",
    r"(is|are) had": "is available",
    r"needless": "unnecessary",
    r"polish(ed|es|ing)?": "final relaxation",
    r"said and right": "stated and observed",
    r"comes? to \d": "is, reaches",
    r"a bare rule": "a rule of thumb",
    r"worth their cost": "cost-effective",
}

_CODE = re.compile(r"(?ms:^ *```.*?^ *```[^\n]*$)|`[^`\n]*`|\]\([^)\s]*\)|<a id=[^>]*>")


def prose(text: str) -> str:
    """A page without code, addresses and anchors, line by line as it was."""
    return _CODE.sub(lambda match: "\n" * match[0].count("\n"), text)


def banned(text: str) -> list[str]:
    """Every banned phrase in a page's prose, with its line and the plain phrase."""
    return [
        f"line {number}: {match[0]!r}: write {plain!r}"
        for number, line in enumerate(prose(text).splitlines(), start=1)
        for phrase, plain in BANNED.items()
        for match in re.finditer(rf"\b(?:{phrase})\b", line, re.IGNORECASE)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_banned_phrase(page):
    assert banned(page.read_text(encoding="utf-8")) == []


def test_nothing_is_misspelt():
    pages = [page.relative_to(ROOT) for page in PAGES]
    command = [Path(sys.executable).with_name("codespell"), "--ignore-words-list", KNOWN_WORDS, *pages]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.stdout == ""
    assert result.returncode == 0, result.stderr


def test_a_banned_phrase_is_found_in_prose_and_not_in_code():
    text = "Fine.\n\n```yaml\na: 1  # dear\n```\nIs `polish` dear?\n[told](dear.md) A dearer one.\n"
    assert banned(text) == [
        "line 6: 'dear': write 'expensive'",
        "line 7: 'dearer': write 'expensive'",
    ]


def test_a_misspelling_is_found(tmp_path):
    (tmp_path / "page.md").write_text(f"This is definat{'e'}ly wrong.\n")
    command = [Path(sys.executable).with_name("codespell"), tmp_path / "page.md"]
    assert "definitely" in subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout

"""No paragraph or item of a list says the same words twice, as a merge of two versions of it leaves them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "calculators", "client", "deploy", "flows", "models", "rooms", "spaces", "tansaku", "tasks")
RUN = 8
"""So many words in a row that occur twice are no accident."""

SECTIONS = re.compile(r"\n(?:Args|Attributes|Returns|Yields|Raises):\n")


def repeated(text: str) -> list[str]:
    """Runs of words that a text has twice."""
    words = re.findall(r"\w+", text.lower())
    first: dict[tuple[str, ...], int] = {}
    found = []
    for begin in range(len(words) - RUN + 1):
        run = tuple(words[begin : begin + RUN])
        numbers = sum(any(letter.isdigit() for letter in word) for word in run)
        if begin - first.setdefault(run, begin) >= RUN and numbers < RUN // 2:
            found.append(" ".join(run))
    return found


def paragraphs(page: str) -> list[str]:
    """Paragraphs and items of lists of a page, without code and tables."""
    text = re.sub(r"^\s*\|.*$", "", re.sub(r"```.*?```", "", page, flags=re.DOTALL), flags=re.MULTILINE)
    return re.split(r"\n\s*\n|\n\s*[*-] ", text)


def merged(source: str) -> list[str]:
    """Docstrings of a module with words said twice, and those of functions without a value that say that they return one."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            found += repeated(SECTIONS.split(text)[0])
            nothing = isinstance(getattr(node, "returns", None), ast.Constant) and node.returns.value is None
            found += [text.partition("\n")[0]] if nothing and text.startswith("Returns whether") else []
    return found


@pytest.mark.parametrize(
    "source",
    [
        '"""A run.\n\nIt belongs to a paused campaign, which another run of it continues.\n\n'
        'A run has not ended: it belongs to a paused campaign, which another run of it continues.\n"""',
        'def check(spec) -> None:\n    """Returns whether a proposer can use the space."""',
    ],
)
def test_what_a_merge_leaves_is_found(source):
    assert merged(source)


def test_lists_of_numbers_and_code_may_repeat():
    row = "| LiGaPO4F | 0.17 | a fit to the barriers of many other compounds there |\n"
    texts = paragraphs(f"{row}{row}```yaml\n{row}{row}```\n1 2 3 4 5 6 of 8 9, 1 2 3 4 5 6 of 8 9")
    assert [run for text in texts for run in repeated(text)] == []


def test_no_page_says_the_same_words_twice_in_a_paragraph():
    pages = [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
    texts = {page.name: paragraphs(page.read_text(encoding="utf-8")) for page in pages}
    found = {name: [run for text in parts for run in repeated(text)][:1] for name, parts in texts.items()}
    assert {name: runs for name, runs in found.items() if runs} == {}


def test_no_docstring_does():
    modules = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found = {str(path): merged(path.read_text(encoding="utf-8")) for path in modules if "templates" not in path.parts}
    assert {name: runs for name, runs in found.items() if runs} == {}

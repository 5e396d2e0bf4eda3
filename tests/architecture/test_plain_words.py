"""The source is written in plain English: no misspelt words, and no phrase of the list below.

Modules that still have such phrases are listed in ``plain_words.json`` with their number. The numbers only fall: after
rewriting or moving a module, run ``python tests/architecture/test_plain_words.py``, which refuses to record more than before.
"""

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "calculators", "deploy", "flows", "models", "spaces", "tansaku", "tasks")
RECORD = Path(__file__).with_name("plain_words.json")

PHRASES = {
    r"\bdear(er|est)?\b": "expensive",
    r"\bdoubts?\b": "uncertain, variance, warning",
    r"\bwish(es)?\b": "request, command",
    r"\bwhereabouts\b": "location, path",
    r"\btold\b": "given, reported, distinguished",
    r"\bunder way\b": "in progress, running",
    r"\bfirst looks?\b": "surrogate pre-screening",
    r"\bgo(es)? on\b": "continue",
    r"\bis mended\b|\bmends?\b": "repair, fix",
    r"\bkept aside\b": "stored as unused",
    r"\bkept beside\b": "also stored",
    r"\bnobody names\b": "unreferenced",
    r"\bgives? (it|the lease) back\b": "release",
    r"\bsays what\b": "describes, reports",
    r"\bof ours\b": "our",
    r"\banew\b": "again",
    r"\bby now\b": "meanwhile",
    r"\bstands? (in|for|at)\b": "is in, means",
    r"^See [`:\w]": "say what it is",
}
"""Phrases in docstrings, texts and comments, and what to write."""

NAMES = {
    "dear": "expensive",
    "doubt": "variance",
    "doubts": "variances",
    "one": "the name of the thing: evaluation, row, item",
    "told": "the name of the thing: text, provenance",
    "wish": "command",
    "wished": "requested",
}
"""Names of variables, and what to write."""


def prose(source: str) -> list[str]:
    """Docstrings, text constants and comments of a module, without code in backticks."""
    texts = [token.string for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type == tokenize.COMMENT]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            texts.append(node.value)
    return [
        re.sub(r"``.+?``|`.+?`", "", text, flags=re.DOTALL).strip() if not text.startswith("See ") else text for text in texts
    ]


def variables(source: str) -> list[str]:
    """Names that a module binds: variables, arguments, functions."""
    bound = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.append(node.id)
        elif isinstance(node, ast.arg):
            bound.append(node.arg)
        elif isinstance(node, ast.FunctionDef):
            bound.append(node.name)
    return bound


def banned(source: str) -> Counter[str]:
    """How often each banned phrase and name occurs in a module."""
    found: Counter[str] = Counter()
    for text in prose(source):
        for phrase in PHRASES:
            found[phrase] += len(re.findall(phrase, text, flags=re.IGNORECASE))
    for name in variables(source):
        if name.strip("_") in NAMES:
            found[name.strip("_")] += 1
    return +found


def banned_by_module() -> dict[str, dict[str, int]]:
    """Banned phrases of all modules that have some."""
    modules = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    found = {
        path.relative_to(ROOT).as_posix(): dict(sorted(banned(path.read_text(encoding="utf-8")).items()))
        for path in modules
        if not any(part.is_symlink() for part in path.parents)
    }
    return {module: counts for module, counts in sorted(found.items()) if counts}


def totals(by_module: dict[str, dict[str, int]]) -> Counter[str]:
    """Number of each phrase over all modules."""
    return sum((Counter(counts) for counts in by_module.values()), Counter())


@pytest.mark.parametrize(
    ("source", "phrase"),
    [
        ('"""A dear calculation."""', r"\bdear(er|est)?\b"),
        ("x = 1  # jobs under way", r"\bunder way\b"),
        ('raise ValueError("the same command goes on")', r"\bgo(es)? on\b"),
        ('def f():\n    """See :class:`Thing`."""', r"^See [`:\w]"),
        ("for one in range(3):\n    print(one)", "one"),
        ("_told = 1", "told"),
    ],
)
def test_banned_words_are_found(source, phrase):
    assert banned(source) == {phrase: 1}


def test_code_in_backticks_and_keys_are_not_prose():
    assert not banned('"""The key ``first look`` of `wish`."""\nkey = "wish"')


def test_no_module_has_more_banned_words_than_recorded():
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    known = PHRASES | NAMES
    worse = [
        f"{module}: {phrase} {number} times, expected at most {recorded.get(module, {}).get(phrase, 0)}; write: {known[phrase]}"
        for module, counts in banned_by_module().items()
        for phrase, number in counts.items()
        if number > recorded.get(module, {}).get(phrase, 0)
    ]
    assert worse == []


def test_the_record_is_up_to_date():
    """Otherwise removed phrases could come back unnoticed."""
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    assert recorded == banned_by_module(), "run: python tests/architecture/test_plain_words.py"


def test_spelling():
    command = [sys.executable, "-m", "codespell_lib", *FOLDERS, "docs", "examples", "tests", "README.md", "CONTRIBUTING.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def main() -> int:
    """Records the present numbers, unless there are more of a phrase than before."""
    found = banned_by_module()
    if RECORD.exists():
        before = totals(json.loads(RECORD.read_text(encoding="utf-8")))
        if more := {phrase: number for phrase, number in totals(found).items() if number > before[phrase]}:
            print(f"not recorded: more than before of {more}")
            return 1
    RECORD.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{sum(totals(found).values())} banned phrases in {len(found)} modules")
    return 0


if __name__ == "__main__":
    sys.exit(main())

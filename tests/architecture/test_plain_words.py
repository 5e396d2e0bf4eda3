"""The source is written in plain English: no misspelt words, and no phrase of the list below."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "calculators", "deploy", "flows", "models", "spaces", "tansaku", "tasks")

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
    """Docstrings, text constants and comments of a module, each as one line without code in backticks."""
    texts = [token.string for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type == tokenize.COMMENT]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            texts.append(node.value)
    lines = [" ".join(text.split()) for text in texts]
    return [text if text.startswith("See ") else re.sub(r"``.+?``|`.+?`", "", text).strip() for text in lines]


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


def test_no_module_has_a_banned_word():
    known = PHRASES | NAMES
    found = [
        f"{module}: {phrase}, write: {known[phrase]}" for module, counts in banned_by_module().items() for phrase in counts
    ]
    assert found == []


def test_spelling():
    command = [sys.executable, "-m", "codespell_lib", *FOLDERS, "docs", "examples", "tests", "README.md", "CONTRIBUTING.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr

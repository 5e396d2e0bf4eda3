"""The source is written in plain English: no misspelt words, no phrase of the list below, no docstring like a question."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("benchmarks", "calculators", "client", "deploy", "flows", "models", "rooms", "spaces", "tansaku", "tasks")

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


OPENINGS = ("How", "Of", "Those", "What", "Where", "Which", "Who", "Whose", "Why")
"""Words that begin no docstring: it says as a sentence what a function does or returns, or names a value with a noun."""


@lru_cache(maxsize=1)
def nodes(source: str) -> list[ast.AST]:
    """The syntax tree of a module, whose docstrings, texts and names are looked at one after the other."""
    return list(ast.walk(ast.parse(source)))


def docstrings(source: str) -> list[str]:
    """Docstrings of a module, its classes and functions, and the texts below its constants and attributes."""
    bodies = [getattr(node, "body", None) for node in nodes(source)]
    statements = [statement for body in bodies if isinstance(body, list) for statement in body]
    values = [statement.value for statement in statements if isinstance(statement, ast.Expr)]
    return [value.value.strip() for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]


def prose(source: str) -> list[str]:
    """Docstrings, text constants and comments of a module, each as one line without code in backticks."""
    texts = [token.string for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type == tokenize.COMMENT]
    for node in nodes(source):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            texts.append(node.value)
    lines = [" ".join(text.split()) for text in texts]
    return [text if text.startswith("See ") else re.sub(r"``.+?``|`.+?`", "", text).strip() for text in lines]


def variables(source: str) -> list[str]:
    """Names that a module binds: variables, arguments, functions."""
    bound = []
    for node in nodes(source):
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
    for text in docstrings(source):
        opening = (re.findall(r"^\w+", text) or [""])[0]
        if opening in OPENINGS:
            found[f"docstring begins with {opening}"] += 1
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
        ('def f():\n    """What is computed."""', "docstring begins with What"),
        ('"""Where files are."""', "docstring begins with Where"),
        ('class A:\n    """A thing."""\n\n    x = 1\n    """Why it ended."""', "docstring begins with Why"),
        ('X = 1\n"""Of the SOAP kernel."""', "docstring begins with Of"),
    ],
)
def test_banned_words_are_found(source, phrase):
    assert banned(source) == {phrase: 1}


def test_docstrings_with_a_verb_or_a_noun_are_accepted():
    assert not banned('"""Reasons why jobs end."""\ndef f():\n    """Returns what was found."""\n    return "What is this?"')


def test_code_in_backticks_and_keys_are_not_prose():
    assert not banned('"""The key ``first look`` of `wish`."""\nkey = "wish"')


def test_no_module_has_a_banned_word():
    known = PHRASES | NAMES | {f"docstring begins with {word}": "a noun, or a verb such as Returns" for word in OPENINGS}
    found = [
        f"{module}: {phrase}, write: {known[phrase]}" for module, counts in banned_by_module().items() for phrase in counts
    ]
    assert found == []


def test_spelling():
    command = [sys.executable, "-m", "codespell_lib", *FOLDERS, "docs", "examples", "tests", "README.md", "CONTRIBUTING.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr

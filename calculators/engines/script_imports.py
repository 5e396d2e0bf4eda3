"""Modules beside a Python script that it imports: its numbers depend on them as on the script."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def unlisted_modules(scripts: Iterable[Path]) -> tuple[tuple[Path, Path], ...]:
    """Modules and packages that scripts import from their own folder and that are not among them.

    Args:
        scripts: Files; those that are no Python are left out.

    Returns:
        A script, or a module found so, and what it imports; each module once.
    """
    listed = [script.resolve() for script in scripts]
    known, found, left = set(listed), [], [script for script in listed if script.suffix == ".py"]
    while left:
        script = left.pop(0)
        for name in _imported(script):
            module = next((path for path in (script.parent / f"{name}.py", script.parent / name) if path.exists()), None)
            if module is not None and module not in known:
                known.add(module)
                found.append((script, module))
                left += [module] if module.is_file() else sorted(module.rglob("*.py"))
    return tuple(found)


def _imported(script: Path) -> Iterator[str]:
    """First parts of the names that a file imports; none of one that this Python cannot read."""
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]

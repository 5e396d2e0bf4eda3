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
    known, found = set(listed), []
    left = [(script, script.parent) for script in listed if script.suffix == ".py"]
    while left:
        script, folder = left.pop(0)
        for name in _imported(script):
            # A folder without __init__.py, such as an environment, gives way to an installed package of its name.
            places = (folder / name / "__init__.py", folder / f"{name}.py")
            module = next((path for path in places if path.is_file()), None)
            if module is not None and module not in known:
                known.add(module)
                found.append((script, module))
                left.append((module, folder))
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

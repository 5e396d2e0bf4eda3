"""`tansaku new`: writes the beginning of a plug-in package."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from tansaku.deploy.cli.printing import say

app = typer.Typer(no_args_is_help=True, help="Writes the beginning of a plug-in package.")

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_WORDS_OF_YAML = frozenset({"false", "n", "no", "null", "off", "on", "true", "y", "yes"})
_FILES = {
    "pyproject.toml.txt": "pyproject.toml",
    "README.md.txt": "README.md",
    "campaign.yaml.txt": "campaign.yaml",
    "package___init__.py.txt": "@MODULE@/__init__.py",
    "package_spec.py.txt": "@MODULE@/spec.py",
    "package_engine.py.txt": "@MODULE@/engine.py",
    "tests_test_conformance.py.txt": "tests/test_conformance.py",
}
"""Files of the template, and where they go."""


@app.command("calculator")
def calculator(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, e.g. my-potential: letters, digits and '-'.")],
    folder: Annotated[Path | None, typer.Option("--into", metavar="FOLDER", help="Where; default: ./tansaku-NAME.")] = None,
) -> None:
    """Writes a package with a calculator and its conformance test, to be changed into your own."""
    from tansaku.models.domain.errors import ConfigurationError
    from tansaku.models.domain.specs.calculators.table import CALCULATORS

    if _NAME.fullmatch(name) is None or len(name) > 40:
        raise ConfigurationError(f"name: {name!r}; expected up to 40 of a-z, 0-9 and '-', a letter first, e.g. my-potential")
    if name in _WORDS_OF_YAML:
        raise ConfigurationError(f"name: {name!r} is no text in a campaign file; expected another one, e.g. my-potential")
    kind = name.replace("-", "_")
    if kind in [known.type_name() for known in CALCULATORS]:
        raise ConfigurationError(f"name: there is a calculator {kind!r} already")
    target = folder or Path(f"tansaku-{name}")
    if target.exists():
        raise ConfigurationError(f"{target} exists already", hint="choose another folder by --into")
    for path, text in package_files(name).items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
    say(
        f"written: {target}\n  pip install -e {target}\n  python -m pytest {target}\n  tansaku check {target / 'campaign.yaml'}"
    )


def package_files(name: str) -> dict[str, str]:
    """Texts of a calculator's package, by path.

    Args:
        name: As on the command line.
    """
    words = name.split("-")
    said = {
        "@NAME@": name,
        "@DISTRIBUTION@": f"tansaku-{name}",
        "@MODULE@": f"tansaku_{'_'.join(words)}",
        "@TYPE@": "_".join(words),
        "@CLASS@": "".join(word.capitalize() for word in words),
    }

    def filled(text: str) -> str:
        for mark, word in said.items():
            text = text.replace(mark, word)
        return text

    template = resources.files("tansaku.deploy.plugin_template")
    return {filled(path): filled((template / file).read_text(encoding="utf-8")) for file, path in _FILES.items()}

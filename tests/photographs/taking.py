"""Takes photographs: what commands and the API say of the stored campaigns, of the browsed ones and of every example.

A photograph is plain data. Ids, times, loads, paths and versions are masked as ``masks.yaml`` says.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import yaml

import tansaku
from tansaku.deploy.cli import main as cli
from tansaku.deploy.cli.main import app
from tansaku.deploy.cli.offered import every_command
from tansaku.models.domain.library import LibraryFile
from tansaku.tasks.backends.resources import DatabaseResources
from tansaku.tasks.ground.formats.schema import FileKind
from tests.photographs.asking import answers, browser_of
from tests.photographs.making import FILES
from tests.photographs.plain import plain, plain_file, table_of
from tests.photographs.resuming import restored
from tests.support.browsed_campaigns import SPEC, TABLE, refuse, store_measured

ROOT = Path(__file__).resolve().parents[2]
MASKS = Path(__file__).with_name("masks.yaml")
EXAMPLES = sorted(
    path
    for path in (ROOT / "examples").rglob("*.yaml")
    if "plugins" not in path.parts  # its calculator is in a package of its own
)


class Masks:
    """Hides what differs from one take to the next.

    Args:
        texts: Words for texts of this take, such as paths.
    """

    def __init__(self, texts: dict[str, str]) -> None:
        known = yaml.safe_load(MASKS.read_text(encoding="utf-8"))
        self.left_out: dict[str, str] = known["left_out"]
        self._keys, self._of_texts = (
            {name: word for word, names in known[part].items() for name in names} for part in ("keys", "texts")
        )
        self._texts = texts
        self._patterns = [(re.compile(pattern), word) for word, pattern in known["patterns"].items()]

    def hidden(self, value: Any) -> Any:
        """The value without what is masked."""
        if isinstance(value, dict):
            return {self._text(key): self._of_key(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.hidden(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _of_key(self, key: str, value: Any) -> Any:
        word = self._keys.get(key) or (self._of_texts.get(key) if isinstance(value, str) else None)
        return f"({word})" if word else self.hidden(value)

    def _text(self, text: str) -> str:
        for found, word in self._texts.items():
            text = text.replace(found, f"({word})")
        for pattern, word in self._patterns:
            text = pattern.sub(f"({word})", text)
        return text


def command(*words: str) -> dict[str, Any]:
    """What a command of tansaku says, in this process."""
    out, errors, code = io.StringIO(), io.StringIO(), 0
    program = sys.modules["__main__"]
    # Otherwise click calls the command by the module that this process runs.
    before = sys.argv, program.__package__
    sys.argv, program.__package__ = ["tansaku", *words], None
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            cli.main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    finally:
        sys.argv, program.__package__ = before
    return {"code": code, "out": plain(out.getvalue()), "err": errors.getvalue().splitlines()}


def pages_of_help() -> Iterator[tuple[str, ...]]:
    """Words of every command and group."""

    def below(found: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for name, part in getattr(found, "commands", {}).items():
            yield from below(part, (*words, name))

    yield from below(every_command(app), ())


def of_no_campaign() -> Iterator[tuple[str, Any]]:
    """Help and schemas."""
    for words in pages_of_help():
        yield " ".join(("help", *words)), command(*words, "--help")
    for kind in get_args(FileKind):
        yield f"schema {kind}", command("schema", kind)


def of_files() -> Iterator[tuple[str, Any]]:
    """What ``check`` says of the files of the stored campaigns, and of every example."""
    for path in (*sorted(FILES.glob("*.yaml")), *EXAMPLES):
        yield f"check {path.relative_to(ROOT)}", command("check", str(path), "--json")


def of_campaign(name: str, folder: Path) -> Iterator[tuple[str, Any]]:
    """What commands say of a stored campaign, and what they export."""
    yield f"status {name}", command("status", name, "--json")
    yield f"results {name}", command("results", name, "--json")
    yield f"results --evaluations {name}", command("results", name, "--json", "--evaluations")
    file, place = folder / f"{name}.parquet", folder / name
    said = command("export", name, "--observations", str(file))
    yield f"export --observations {name}", said | {"file": table_of(file)}
    for option in ("--structures", "--table"):
        said = command("export", name, option, str(place / option[2:]))
        found = {path.name: plain_file(path) for path in sorted((place / option[2:]).glob("*"))}
        yield f"export {option} {name}", said | {"files": found}


def store_others(resources: DatabaseResources, folder: Path) -> Iterator[tuple[str, Any]]:
    """Stores the browsed campaigns, a file in the library, and every example whose files are there; nothing runs."""
    (folder / "rows.csv").write_text(TABLE)
    (folder / "twin.yaml").write_text(SPEC)
    for path in (folder / "twin.yaml", *EXAMPLES):
        yield f"run --no-run {path.name}", command("run", str(path), "--no-run")
    store_measured(resources, folder)
    refuse(resources, "twin")
    file = folder / "rows.csv"
    moment = resources.store.campaign("twin").created_at
    sha256 = resources.artifacts.put(file)
    resources.library.add_file(
        LibraryFile(sha256=sha256, name=file.name, kind="table", size=len(TABLE), user="ada", created_at=moment)
    )


def take(stored: Path) -> dict[str, Any]:
    """Takes all photographs.

    Args:
        stored: Folder with the dump of the stored campaigns.
    """
    with restored(stored) as resources:
        home = resources.settings.home
        work = home / "work"
        work.mkdir()
        masks = Masks({str(home): "home", sys.prefix: "packages", str(ROOT): "root", tansaku.__version__: "version"})
        items = dict(store_others(resources, work))
        names = sorted(resources.store.campaign_names())
        of_campaigns = (of_campaign(name, work) for name in names)
        asked = answers(browser_of(resources), names, masks.left_out)
        items.update(itertools.chain(of_no_campaign(), of_files(), *of_campaigns, asked))
    hidden: dict[str, Any] = masks.hidden(items)
    return hidden

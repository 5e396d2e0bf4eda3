"""Leaves rows with an empty cell out of the table of a spec."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from tansaku.deploy.web.services import Services
from tansaku.deploy.web.spec_forms.fields import found, list_at, mapping_at
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.library import LibraryFile
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import NamesFile
from tansaku.models.domain.spreadsheet import separator_of
from tansaku.tasks.act.checks.policy import SOURCE, library_file
from tansaku.tasks.ground.formats.yaml_edit import Value, edit_yaml

_TABLE = ("space", "candidates")


def without_gaps(services: Services, actor: Actor, text: str, data: JsonDict) -> tuple[str, str]:
    """Stores the table of a spec without the rows that lack a cell which is needed, as another file of the library.

    Args:
        text: The spec in YAML.
        data: Its data.

    Returns:
        The spec that names the new file, and how many rows were left out of which, in words.

    Raises:
        FieldError: The table cannot be read, or no row is complete.
    """
    stored = library_file(str(found(data, _TABLE)), NamesFile("table"), services.library, actor.name)
    if not isinstance(stored, LibraryFile):
        raise FieldError("space.candidates", str(stored))
    with tempfile.TemporaryDirectory(prefix="tsk-complete-") as folder:
        path = services.artifacts.get(stored.sha256, Path(folder) / "table.csv")
        content, left, every = _complete(path.read_text(encoding="utf-8-sig"), _needed(data))
        if left in (0, every):
            raise FieldError("space.candidates", f"{left} of {every} rows lack a cell; expected some that do, and others")
        written = Path(folder) / "complete.csv"
        written.write_text(content, encoding="utf-8")
        name = f"{Path(stored.name).stem[:80]}-complete.csv"
        added, _ = services.uploads.add(actor, name, written)
    changes: dict[str, Value] = {"space.candidates": added.name}
    if found(data, ("budget", "evaluations")) == every:
        changes["budget.evaluations"] = every - left
    if found(data, ("known", "file")) is not None:
        changes["known.file"] = added.name
    have = "has" if left == 1 else "have"
    return edit_yaml(text, changes, SOURCE), f"{left} of {every} rows {have} an empty cell; {added.name} has the others."


def _needed(data: JsonDict) -> set[str]:
    """Columns that name or describe candidates."""
    groups = mapping_at(data, ("space", "features")).values()
    described = {column for group in groups for column in list_at(group, ("columns",))}
    named = mapping_at(data, ("space", "columns"))
    return described | {named[role] for role in ("id", "system", "surface", "cost", "formula") if named.get(role)}


def _complete(text: str, needed: set[str]) -> tuple[str, int, int]:
    """A table without the rows that lack a cell of some columns, the number of these rows, and that of all."""
    separator = separator_of(text.split("\n", 1)[0])
    heading, *rows = (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row)
    places = [place for place, name in enumerate(heading) if name.strip() in needed]
    kept = [row for row in rows if all(place < len(row) and row[place].strip() for place in places)]
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator, lineterminator="\n").writerows([heading, *kept])
    return written.getvalue(), len(rows) - len(kept), len(rows)

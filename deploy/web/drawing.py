"""Draws figures of campaigns for download, as `tansaku plot` does: one at a time, for their style is of the process."""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Lock
from typing import Literal, get_args

from tansaku.deploy.web.services import Services
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.tasks.read.figures.campaign import drawings_of, sourced
from tansaku.tasks.read.figures.drawing import Drawing, table_of

Form = Literal["png", "svg", "csv"]
FORMS: tuple[Form, ...] = get_args(Form)

MEDIA: dict[Form, str] = {"png": "image/png", "svg": "image/svg+xml", "csv": "text/csv; charset=utf-8"}

_DRAWING = Lock()


def offered(services: Services, name: str) -> list[tuple[str, list[Form]]]:
    """Names of the figures that a campaign has, each with its forms.

    Raises:
        NotFoundError: There is no such campaign.
        ConfigurationError: Nothing has a value yet.
    """
    made = drawings_of(services.readings.reading(name), services.artifacts)
    return [(known.stem, [form for form in FORMS if form != "csv" or table_of(known.data)[1]]) for known in made]


def draw(services: Services, name: str, figure: str, form: Form) -> bytes:
    """Draws a figure of a campaign, or writes its data.

    Raises:
        NotFoundError: There is no such campaign, or it has no such figure, or that has no such form.
        ConfigurationError: Nothing has a value yet.
    """
    reading = services.readings.reading(name)
    made = {known.stem: known for known in drawings_of(reading, services.artifacts)}
    if figure not in made:
        raise NotFoundError(f"{name} has no figure {figure[:64]!r}; it has {', '.join(made)}")
    if form == "csv":
        return _table(made[figure])
    with _DRAWING, tempfile.TemporaryDirectory() as folder, sourced(reading):
        return made[figure].draw(Path(folder) / f"figure.{form}").read_bytes()


def _table(known: Drawing) -> bytes:
    names, rows = table_of(known.data)
    if not rows:
        raise NotFoundError(f"the figure {known.stem!r} has no table")
    return "".join(map(csv_line, (names, *rows))).encode()

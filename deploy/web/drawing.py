"""Draws figures of campaigns for download, as `tansaku plot` does: one at a time, for their style is of the process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Literal, get_args

from starlette.responses import Response

from tansaku.deploy.web.services import Services
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import file_stem
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.tasks.read.figures.campaign import drawings_of, sourced
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.parameters import contour_drawing
from tansaku.tasks.read.figures.style import Scheme, drawn_for
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.parameter_figures import parallel_lines, parameter_contour

Form = Literal["png", "svg", "csv"]
FORMS: tuple[Form, ...] = get_args(Form)

MEDIA: dict[Form, str] = {"png": "image/png", "svg": "image/svg+xml", "csv": "text/csv; charset=utf-8"}

CONTOUR = "contour"
Axes = tuple[str | None, str | None]
NO_AXES: Axes = (None, None)
"""Axes of a figure that are not chosen."""

_DRAWING = Lock()


def offered(services: Services, name: str) -> list[tuple[str, list[Form]]]:
    """Names of the figures that a campaign has, each with its forms.

    Raises:
        NotFoundError: There is no such campaign.
        ConfigurationError: Nothing has a value yet.
    """
    made = _drawings(services, services.readings.reading(name)).values()
    return [(known.stem, [form for form in FORMS if form != "csv" or known.table[1]]) for known in made]


def draw(services: Services, name: str, figure: str, form: Form, scheme: Scheme = "light", axes: Axes = NO_AXES) -> Response:
    """A figure of a campaign, or its data.

    Args:
        scheme: Of the page that shows it.
        axes: Of a contour.

    Raises:
        NotFoundError: There is no such campaign, or it has no such figure, or that has no such form.
        ConfigurationError: Nothing has a value yet.
    """
    reading = services.readings.reading(name)
    made = _drawings(services, reading)
    if figure == CONTOUR and axes != NO_AXES and (lines := parallel_lines(reading)) is not None:
        made = {**made, CONTOUR: contour_drawing(lines, parameter_contour(reading, *axes))}
    if figure not in made:
        raise NotFoundError(f"{name} has no figure {figure[:64]!r}; it has {', '.join(made)}")
    with sourced(reading):
        return answer(made[figure], f"{name}-{figure}", form, scheme)


def find(made: Iterable[Drawing], figure: str) -> Drawing:
    """The figure of a name. Raises NotFoundError: there is none."""
    known = {item.stem: item for item in made}
    if figure not in known:
        raise NotFoundError(f"there is no figure {figure[:64]!r}; expected one of {', '.join(known)}")
    return known[figure]


def answer(known: Drawing, title: str, form: Form, scheme: Scheme = "light") -> Response:
    """A figure as PNG or SVG, or its data as CSV. Raises NotFoundError: it has no table.

    Args:
        title: Begin of the name under which a browser saves it.
    """
    if form == "csv":
        body = _table(known)
    else:
        with _DRAWING, drawn_for(scheme), tempfile.TemporaryDirectory() as folder:
            body = known.draw(Path(folder) / f"figure.{form}").read_bytes()
    return Response(
        body, media_type=MEDIA[form], headers={"Content-Disposition": f'inline; filename="{file_stem(title)}.{form}"'}
    )


def _drawings(services: Services, reading: Campaign) -> dict[str, Drawing]:
    """The figures by name, computed once for a reading: its page asks for each as an image."""
    return reading.once(Drawing, lambda: {known.stem: known for known in drawings_of(reading, services.artifacts)})


def _table(known: Drawing) -> bytes:
    names, rows = known.table
    if not rows:
        raise NotFoundError(f"the figure {known.stem!r} has no table")
    # A value that there is not is an empty cell.
    cells = [[None if value != value else value for value in row] for row in rows]
    return (csv_line(names) + "".join(map(csv_line, cells))).encode()

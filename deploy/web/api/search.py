"""Search over the evaluations of all campaigns, and the searches that a user keeps: /api/v1/search."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from pydantic import Field, field_validator
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import drawing
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.api.listing import Limit
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, SavedSearch
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.records import Record
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import Unit
from tansaku.tasks.act.commands.searches import SavedSearches
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.hits import draw_lines
from tansaku.tasks.read.figures.style import Scheme, in_unit
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.search import Comparison, Hits, Order, Search, Searched, hit_lines, search, searchable

router = APIRouter(prefix="/api/v1/search", tags=["campaigns"])

_LONGEST_PLACE = 20_000  # of a page by value, which names the campaigns of those before it
Name = Annotated[str, Field(max_length=200)]
_SYMBOL = "[A-Z][a-z]?"
_BETWEEN = r"[\s,;–-]*"
_ELEMENTS = re.compile(rf"{_BETWEEN}(?:{_SYMBOL}{_BETWEEN})*")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?", re.ASCII)


class SearchConditions(Body):
    """Conditions on evaluations; empty ones are none. This is the one place that checks what a user searches for."""

    campaign: Name = Field("", description="Part of the campaign's name.")
    space: Name = ""
    owner: Name = ""
    calculator: Name = Field("", description="Its type; `table` where values are read from a table.")
    elements: Name = Field("", description="Elements that the candidate contains, `Li-P-S`.")
    system: Name = ""
    candidate: Name = ""
    state: EvaluationState | None = None
    property: Name = Field("", description="The objective, or a further result.")
    comparison: Comparison = "<"
    value: Annotated[str, Field(max_length=40)] | None = Field(None, description="A number; `=` compares in its digits.")
    unit: Unit | None = None
    order: Order = "round"

    @field_validator("state", "value", "unit", "after", mode="before", check_fields=False)
    @classmethod
    def _empty_is_all(cls, value: object) -> object:
        """Treats empty fields of a form as not given."""
        return None if value == "" else value.strip() if isinstance(value, str) else value

    @field_validator("elements")
    @classmethod
    def _are_symbols(cls, elements: str) -> str:
        if _ELEMENTS.fullmatch(elements) is None:
            raise ValueError("expected symbols of elements, such as Li-P-S")
        return elements

    @field_validator("value")
    @classmethod
    def _is_a_number(cls, value: str | None) -> str | None:
        if value is not None and (_NUMBER.fullmatch(value) is None or abs(Decimal(value)) > LARGEST):
            raise ValueError(f"expected a number such as 0.1, of at most {LARGEST:g} in size")
        return value

    def wanted(self) -> Search:
        """Returns the search for the view."""
        return Search(
            campaign=self.campaign.strip(),
            space=self.space.strip(),
            owner=self.owner.strip(),
            calculator=self.calculator.strip(),
            elements=frozenset(re.findall(_SYMBOL, self.elements)),
            system=self.system.strip(),
            candidate=self.candidate.strip(),
            state=self.state,
            property=self.property.strip(),
            comparison=self.comparison,
            value=None if self.value is None else Decimal(self.value),
            unit=self.unit or "",
            order=self.order,
        )

    def given(self) -> dict[str, str]:
        """Returns the conditions that were given, by field."""
        return {key: str(value) for key, value in self.model_dump(mode="json", exclude_unset=True).items() if value}


class SearchQuery(SearchConditions):
    """Conditions, and which page of the results is wanted."""

    after: Annotated[str, Field(max_length=_LONGEST_PLACE)] | None = None
    limit: Limit = 50


class SearchPicture(SearchQuery):
    """The same, and the form of the figure of a page of the results."""

    form: drawing.Form = "png"
    scheme: Scheme = "light"


class SearchLine(Record):
    """A saved search as its user sees it.

    Attributes:
        address: Of its results on the dashboard; others may open it too.
    """

    name: str
    conditions: dict[str, str]
    address: str

    @classmethod
    def of(cls, known: SavedSearch) -> SearchLine:
        """Returns the line of a stored one."""
        return cls(name=known.name, conditions=known.conditions, address=f"/search?{urlencode(known.conditions)}")


def saved_searches(services: Services, actor: Actor) -> SavedSearches:
    """The searches that an actor keeps."""
    return SavedSearches(services.accounts, actor, services.clock)


def seen_campaigns(services: Services, actor: Actor) -> list[Searched | UnreadableCampaign]:
    """The campaigns that an actor may see, for a search."""
    sight = services.sight(actor)
    return [found for found in searchable(services.store) if sight.sees(found.name)]


@router.get("")
def search_campaigns(request: Request, actor: Viewer, query: Annotated[SearchQuery, Query()]) -> Hits:
    """Finds evaluations in all campaigns, by value or in the order of the campaigns' names."""
    services = services_of(request)
    campaigns = seen_campaigns(services, actor)
    return search(services.store, campaigns, query.wanted(), after=query.after, limit=query.limit)


@router.get("/drawing", response_class=Response)
def draw(request: Request, actor: Viewer, query: Annotated[SearchPicture, Query()]) -> Response:
    """Draws the values of a page of the results as PNG or SVG, or returns them as CSV; 404 where they cannot be compared."""
    services = services_of(request)
    campaigns = seen_campaigns(services, actor)
    lines = hit_lines(search(services.store, campaigns, query.wanted(), after=query.after, limit=query.limit).items)
    if lines is None:
        raise NotFoundError("these results have no figure: it takes two values of one property in one unit that differ")
    title = in_unit(lines.name, lines.unit)
    known = Drawing("search", lines.columns(), partial(draw_lines, lines.values, title), units={"value": lines.unit})
    return drawing.answer(known, "search", query.form, query.scheme)


@router.get("/saved")
def searches(request: Request, actor: Viewer) -> list[SearchLine]:
    """Lists the user's saved searches, by name."""
    return [SearchLine.of(known) for known in saved_searches(services_of(request), actor).all()]


@router.put("/saved/{title}")
def save_search(request: Request, actor: Viewer, title: str, body: SearchConditions) -> SearchLine:
    """Saves a search under a name, in place of an earlier one of this name."""
    return SearchLine.of(saved_searches(services_of(request), actor).save(title, body.given()))


@router.delete("/saved/{title}", status_code=HTTPStatus.NO_CONTENT)
def remove_search(request: Request, actor: Viewer, title: str) -> Response:
    """Deletes a saved search."""
    saved_searches(services_of(request), actor).remove(title)
    return Response(status_code=HTTPStatus.NO_CONTENT)

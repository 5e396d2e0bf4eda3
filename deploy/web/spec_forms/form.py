"""A form for the specs of one kind of space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tansaku.deploy.web.spec_forms.fields import Part
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.records import JsonDict


@dataclass(frozen=True)
class SpecForm:
    """A form for the specs of one kind of space.

    Attributes:
        title: What a person has.
        about: One sentence.
        space: Type of the space.
        start: The text with which it begins.
        parts: Makes its own parts by the data and the files of the user.
        systems: What the search problems of a campaign are called.
        example: Name of the template that shows how the form is filled in; empty: none.
    """

    title: str
    about: str
    space: str
    start: str
    parts: Callable[[JsonDict, Shelf], Sequence[Part]]
    systems: str = "systems"
    example: str = ""

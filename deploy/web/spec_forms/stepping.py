"""Keeps a form in step with the text of a spec.

A page sends the text, the text as it was shown with the form, and the form. What differs between the form and the text as it
was shown was changed in the form, and is written into the text; all else of the text stays as somebody typed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from tansaku.deploy.web.spec_forms.fields import Field, Part, found
from tansaku.deploy.web.spec_forms.form import SpecForm
from tansaku.deploy.web.spec_forms.known import form_of
from tansaku.deploy.web.spec_forms.parts import campaign, further
from tansaku.deploy.web.spec_forms.shelf import Shelf
from tansaku.models.domain.errors import ConfigurationError, FieldError, SpecProblem
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.act.checks.policy import SOURCE, check_size
from tansaku.tasks.ground.formats.yaml_edit import with_data
from tansaku.tasks.ground.formats.yaml_text import parse_yaml


class KeyProblem(Protocol):
    """A problem of a key."""

    @property
    def key(self) -> str:
        """The key."""

    @property
    def line(self) -> int | None:
        """Line of the text."""

    @property
    def message(self) -> str:
        """The problem."""


@dataclass(frozen=True)
class Beside:
    """A form beside its text.

    Attributes:
        parts: Of the form.
        values: Texts of its fields.
        shown: The text that the fields show: the last one that was YAML.
        refused: Why the typed text of a field has no place in the text, by name of the field.
    """

    parts: Sequence[Part]
    values: Mapping[str, str]
    shown: str
    text: str
    refused: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def data(self) -> JsonDict:
        """The data of the text that the fields show."""
        return _data(self.shown) or {}

    @property
    def form(self) -> SpecForm | None:
        """The form for the kind of the spec; None: it has none."""
        return form_of(self.data)

    @property
    def systems(self) -> str:
        """Name of the search problems of the campaign."""
        return self.form.systems if self.form else "systems"

    @property
    def complete(self) -> bool:
        """Whether its space is a table whose values are all known, on which methods can be compared."""
        return found(self.data, ("space", "type")) == "table" and found(self.data, ("space", "columns", "value")) is not None

    @property
    def fields(self) -> Sequence[Field]:
        """All fields."""
        return _fields(self.parts)

    @property
    def unit(self) -> str:
        """Unit of what is wanted; empty: none yet, or a plain number."""
        unit = found(self.data, ("objective", "unit"))
        return unit if isinstance(unit, str) and unit != "1" else ""

    def in_words(self, problems: Sequence[KeyProblem]) -> Sequence[KeyProblem]:
        """The problems, those of missing or empty keys in the words of the form."""
        entries: tuple[Field | Part, ...] = (*self.fields, *self.parts)
        words = {key: text for entry in entries for key, text in entry.lacking.items()}
        return [
            SpecProblem(problem.key, problem.line, words[problem.key])
            if problem.key in words and not found(self.data, problem.key.split("."))
            else problem
            for problem in problems
        ]

    def place_of(self, key: str) -> Field | Part | None:
        """The field or part in whose words a problem of a key is said, or the field of this name; None: none."""
        named = next((entry for entry in self.fields if entry.name == key), None)
        return named or _concerned([*self.fields, *self.parts], key.replace("[", ".").replace("]", ""))

    def said(self, problem: KeyProblem) -> str:
        """A problem with the label of its field, and with its key where the field has others too."""
        place, key = self.place_of(problem.key), problem.key
        named = key if place is None else place.title if key in place.covers else f"{place.title} {key}"
        return f"{named}: {problem.message}" if key else problem.message

    def problems_by_field(self, problems: Sequence[KeyProblem]) -> dict[str, str]:
        """Messages of the check, by the field that they concern, or the part."""
        result = dict(self.refused)
        for problem in problems:
            named = self.place_of(problem.key)
            if named is not None:
                result.setdefault(named.name, problem.message)
        return result


def beside(text: str, shelf: Shelf) -> Beside:
    """The form for a text that was not edited yet."""
    return _beside(text, text, shelf, {}, {})


def step(typed: Mapping[str, str], text: str, shown: str, shelf: Shelf) -> Beside:
    """The text with what was changed in the form, and the form with what was changed in the text.

    Args:
        typed: Texts of the form's fields.
        text: The text as it was sent.
        shown: The text as it was when the form was shown.

    Raises:
        ConfigurationError: The text is too large.
    """
    check_size(text)
    check_size(shown)
    before = _data(shown) or {}
    sent = {name: value.replace("\r\n", "\n") for name, value in typed.items()}
    changed = [
        (entry, sent[entry.name])
        for entry in _fields(_parts(before, shelf))
        if entry.name in sent and sent[entry.name].strip() != entry.read(before).strip()
    ]
    changed.sort(key=lambda change: change[0].decides)
    after = _data(text)
    if after is None:  # nothing can be written into it now
        return _beside(text, shown, shelf, {entry.name: value for entry, value in changed}, {})
    aside = {entry.name: value for entry, value in changed if entry.aside}
    data, kept, refused = _written(after, changed)
    left = {entry.name for entry in _fields(_parts(data, shelf))}
    if any(entry.name not in left for entry, _ in changed):
        # What was typed into a field while a choice took it away would stay in the text with no field to change it.
        data, kept, refused = _written(after, [(entry, value) for entry, value in changed if entry.name in left])
    text = with_data(text, data, SOURCE)
    return _beside(text, text, shelf, aside | kept, refused)


def _written(before: JsonDict, changed: Sequence[tuple[Field, str]]) -> tuple[JsonDict, dict[str, str], dict[str, str]]:
    """Data with what was typed, the texts that have no place in them, and why, both by name of the field."""
    data, kept, refused = deepcopy(before), {}, {}
    for entry, value in changed:
        try:
            entry.write(data, value)
        except FieldError as error:
            kept[entry.name], refused[error.key] = value, error.message.removeprefix(f"{error.key}: ")
    return data, kept, refused


def _beside(text: str, shown: str, shelf: Shelf, kept: Mapping[str, str], refused: Mapping[str, str]) -> Beside:
    data = _data(shown) or {}
    parts = _parts(data, shelf)
    values = {entry.name: kept.get(entry.name, entry.read(data)) for entry in _fields(parts)}
    return Beside(parts, values, shown, text, refused)


def _parts(data: JsonDict, shelf: Shelf) -> Sequence[Part]:
    form = form_of(data)
    return [campaign(data), *(form.parts(data, shelf) if form else ()), further(data)]


def _fields(parts: Sequence[Part]) -> Sequence[Field]:
    return [entry for part in parts for entry in part.every_field]


def _data(text: str) -> JsonDict | None:
    """The data of a text; None while it is no mapping in YAML, as when somebody types."""
    try:
        data = parse_yaml(text, SOURCE).data
    except ConfigurationError:
        return None
    return data if isinstance(data, dict) else None


def _concerned(fields: Sequence[Field | Part], key: str) -> Field | Part | None:
    """The field or part that a problem of a key concerns: the one that covers most of the key, else the first one below it."""
    above = [(len(cover), -place) for place, entry in enumerate(fields) for cover in entry.covers if _within(key, cover)]
    if above:
        return fields[-max(above)[1]]
    return next((entry for entry in fields if any(_within(cover, key) for cover in entry.covers)), None) if key else None


def _within(key: str, cover: str) -> bool:
    return key == cover or key.startswith(f"{cover}.")

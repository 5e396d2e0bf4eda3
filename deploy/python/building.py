"""Makes constructors of the parts of a campaign from the spec classes that a campaign file can name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from tansaku.deploy.python.parts import Calculator, Part, Proposer, Section, Space, given_file, plain
from tansaku.models.domain.door import spec_kinds
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.objectives import OBJECTIVES, described
from tansaku.models.domain.specs.base import NamesFile, Spec
from tansaku.models.domain.specs.calculators.table import CALCULATORS
from tansaku.models.domain.specs.campaign import CampaignSpec, ObjectiveSpec
from tansaku.models.domain.specs.proposer import ProposerBase
from tansaku.models.domain.specs.space import SPACE_SPECS
from tansaku.models.domain.specs.space_base import SpaceBase
from tansaku.tasks.ground.formats.validation import validate_part

Constructor = Callable[..., Part]

_CLASS_NAME = re.compile(r"(?P<name>\w*?)(?:Space|Calculator|Proposer)?Spec")
LEFT_OUT = ("type", "schema_version")
"""Keys that a constructor gives by itself."""


class Made(NamedTuple):
    """The part of a campaign that a constructor makes.

    Attributes:
        spec: Class of the spec.
        key: Its place in a campaign file.
        part: Class of the part.
    """

    spec: type[Spec]
    key: str
    part: type[Part]

    @property
    def first(self) -> str:
        """Key of the value that needs no keyword; empty: none."""
        return self.spec.first_key if issubclass(self.spec, SpaceBase) else ""

    def __call__(self, keys: Mapping[str, object]) -> Part:
        """The part with these keys, checked as in a file.

        Raises:
            InvalidSpecError: A key is wrong: one line for each problem.
        """
        _refuse_other_forms(self.spec, self.key, keys)
        given = self.spec.from_keywords(keys) if issubclass(self.spec, SpaceBase) else keys
        files: dict[str, bytes] = {}
        data = plain(given, files, self.key)
        kind = self.spec.model_fields.get("type")
        data = data if kind is None else {"type": kind.default, **data}
        validate_part(self.spec, data, self.key)
        return self.part(self.key, data, files)


_FORMS = {
    "table": "the path of a table, or a pandas.DataFrame",
    "structure": "the path of a structure, ase.Atoms, or a structure of pymatgen",
}
"""Values that may be given for a file, by its kind."""


def _refuse_other_forms(spec: type[Spec], key: str, keys: Mapping[str, object]) -> None:
    """Raises ConfigurationError for a value that is none of these where the key names a file, or lists some."""
    for name, kind, several in _named_files(spec):
        value = keys.get(name)
        if several and not isinstance(value, str) and value is not None and given_file(value, kind):
            raise ConfigurationError(f"{key}.{name}: it is one structure; expected a list of them")
        if not several and not given_file(value, kind):
            raise ConfigurationError(f"{key}.{name}: {shown(value)}; expected {_FORMS[kind]}")


def _named_files(spec: type[Spec]) -> Iterator[tuple[str, str, bool]]:
    """Keys whose text names a table or structures, the kind, and whether it is a list of them."""
    for name, field in spec.model_fields.items():
        own = next((mark.kind for mark in field.metadata if isinstance(mark, NamesFile)), None)
        listed = next((mark.kind for mark in _marks_of(field.annotation) if isinstance(mark, NamesFile)), None)
        kind = own or listed
        if kind in _FORMS:
            yield name, kind, own is None


def _marks_of(annotation: object) -> Iterator[object]:
    """Marks of the members of a list."""
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        yield from _marks_of(part)


def documented(spec: type[Spec]) -> str:
    """The docstring of a constructor: that of the spec, and what else its files may be."""
    text = inspect.cleandoc(spec.__doc__ or "").replace("\nAttributes:\n", "\nArgs:\n")
    forms = [f"``{name}``: {'a list, each ' * several}{_FORMS[kind]}." for name, kind, several in _named_files(spec)]
    return "\n".join([text, "", *forms]) if forms else text


@cache
def made_by() -> Mapping[str, Made]:
    """The parts that constructors make, by its name."""
    found: dict[str, Made] = {}
    for spec, key, part in _specs():
        name = getattr(spec, "constructor", "") or _name(spec)
        if name.isidentifier():
            found.setdefault(name, Made(spec, key, part))
    return found


def _specs() -> Iterator[tuple[type[Spec], str, type[Part]]]:
    yield from ((spec, "space", Space) for spec in SPACE_SPECS.values())
    yield from ((spec, "calculator", Calculator) for spec in CALCULATORS)
    yield from ((spec, "proposer", Proposer) for spec in spec_kinds("proposers", ProposerBase).values())
    for key, field in CampaignSpec.model_fields.items():
        for kind in get_args(field.annotation) or (field.annotation,):
            if isinstance(kind, type) and issubclass(kind, Spec) and "type" not in kind.model_fields:
                yield kind, key, Section


def _name(spec: type[BaseModel]) -> str:
    match = _CLASS_NAME.fullmatch(spec.__name__)
    return "" if match is None else match["name"]


_UNSAID: Any = object()
"""In place of a name that was left out; None is most often a name that a script lacks by mistake."""


def maximize(property: str = _UNSAID, /, **keys: object) -> Section:  # noqa: A002 - the key of a campaign file
    """The objective that high values of a property are wanted.

    Args:
        property: Its name; left out: the one the space is about.
        keys: Other keys of ``objective``: ``unit`` and ``goal``.

    Raises:
        InvalidSpecError: A key is wrong.
    """
    return _objective("maximize", property, keys)


def minimize(property: str = _UNSAID, /, **keys: object) -> Section:  # noqa: A002 - the key of a campaign file
    """The objective that low values of a property are wanted; arguments and errors as of :func:`maximize`."""
    return _objective("minimize", property, keys)


def _objective(direction: str, name: str, keys: Mapping[str, object]) -> Section:
    if name is None or ("property" in keys and keys["property"] is None):
        raise ConfigurationError("objective.property: None; expected the name of what is wanted, or nothing at all")
    if name is not _UNSAID:  # what is computed has units of its own, what people measure has none unless they say one
        unit = described(name).units[0] if isinstance(name, str) and name in OBJECTIVES else "1"
        keys = {"property": name, "unit": unit, **keys}
    given = {"direction": direction, **keys}
    made = Made(ObjectiveSpec, "objective", Section)(given)
    return Section(made.key, made.data)


@cache
def constructor(name: str) -> Constructor:
    """The constructor of a name. Raises KeyError."""
    makes = made_by()[name]

    def construct(*first: object, **keys: object) -> Part:
        allowed = 1 if makes.first else 0
        if len(first) > allowed:
            raise TypeError(f"{name}() takes {allowed} positional arguments but {len(first)} were given")
        if first and makes.first in keys:
            raise TypeError(f"{name}() got multiple values for argument {makes.first!r}")
        return makes({makes.first: first[0], **keys} if first else keys)

    construct.__name__ = construct.__qualname__ = name
    construct.__doc__ = documented(makes.spec)
    vars(construct)["__signature__"] = _signature(makes)
    return construct


def _signature(makes: Made) -> inspect.Signature:
    """Keywords and defaults of a spec class."""
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD if name == makes.first else inspect.Parameter.KEYWORD_ONLY,
            default=field.get_default(call_default_factory=True) if not field.is_required() else inspect.Parameter.empty,
        )
        for name, field in makes.spec.model_fields.items()
        if name not in LEFT_OUT
    ]
    if issubclass(makes.spec, SpaceBase) and makes.spec.further_keywords:
        parameters.append(inspect.Parameter("further", inspect.Parameter.VAR_KEYWORD))
        parameters = [item.replace(default=None) if item.name == makes.first else item for item in parameters]
    return inspect.Signature(sorted(parameters, key=lambda item: item.kind), return_annotation=makes.part)

"""`python -m tansaku.deploy.python.stubs`: writes ``constructors.pyi``, which type checkers read, from the spec classes.

Every installation writes it (``setup.py``), and `make lint` before types are checked; pydantic and PyYAML suffice.
Git ignores it.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from tansaku.deploy.python.building import LEFT_OUT, Made, documented, made_by
from tansaku.models.domain.ours import package_of
from tansaku.models.domain.specs.base import FilledIn, NamesFile
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.campaign import CampaignSpec, ObjectiveSpec
from tansaku.models.domain.specs.space_base import SpaceBase

TARGET = Path(__file__).with_name("constructors.pyi")
_HEAD = '''"""Written by `python -m tansaku.deploy.python.stubs` from the spec classes: keys of a campaign file as keywords."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from os import PathLike
from typing import Literal, Required, TypedDict

from ase import Atoms
from pandas import DataFrame
from pymatgen.core.structure import IStructure

from tansaku.deploy.python.parts import Calculator, Proposer, Section, Space

'''
_FILES = {"table": ("str", "PathLike[str]", "DataFrame"), "structure": ("str", "PathLike[str]", "Atoms", "IStructure")}
_GIVEN = ("schema_version", "name", "space", "calculator", "objective", "proposer", "budget")
"""Keys of a campaign file that are arguments of ``Campaign``, or that it gives by itself."""


class Stubs:
    """The text of the stub file.

    Attributes:
        keys: Texts of typed dictionaries by name, in the order in which they were needed.
    """

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}

    def text(self) -> str:
        """The file."""
        self._keys_of(CampaignSpec, "CampaignKeys", _GIVEN)
        made = {name: makes for name, makes in made_by().items() if package_of(makes.spec.__module__) == "tansaku.models"}
        functions = [self._function(name, makes) for name, makes in sorted(made.items())]
        functions += [self._objective(name) for name in ("maximize", "minimize")]
        return _HEAD + "\n".join((*reversed(self.keys.values()), *functions))

    def _function(self, name: str, makes: Made) -> str:
        spec, first = makes.spec, makes.first
        keywords = [self._keyword(key, field) for key, field in _fields(spec) if key != first]
        before = [f"{first}: {' | '.join(self._of_field(spec.model_fields[first]))}"] if first else []
        further = spec.further_keywords if issubclass(spec, SpaceBase) else ""
        if further:
            before = [f"{first}: Mapping[str, {further}] = ..."]
        elif first and not spec.model_fields[first].is_required():
            before = [f"{before[0]} = ..."]
        arguments = [*before, *(["*"] if keywords else []), *keywords, *([f"**further: {further}"] if further else [])]
        lines = "\n".join(f"    {line}".rstrip() for line in documented(spec).splitlines())
        return f'def {name}({", ".join(arguments)}) -> {makes.part.__name__}:\n    r"""{lines.strip()}\n    """\n'

    def _objective(self, name: str) -> str:
        fields = [self._keyword(key, field) for key, field in _fields(ObjectiveSpec) if key not in ("property", "direction")]
        return f"def {name}(property: str = ..., /, *, {', '.join(fields)}) -> Section: ...\n"

    def _keyword(self, key: str, field: FieldInfo) -> str:
        return f"{key}: {' | '.join(self._of_field(field))}{'' if field.is_required() else ' = ...'}"

    def _keys_of(self, spec: type[BaseModel], name: str, left_out: Sequence[str] = ()) -> str:
        """The name of the typed dictionary of a spec, which is written when it is needed first."""
        if name not in self.keys:
            self.keys[name] = ""
            lines = [f"class {name}(TypedDict, total=False):"]
            for key, field in _fields(spec, left_out or ("schema_version",)):
                kind = " | ".join(self._of_field(field))
                lines.append(f"    {key}: {f'Required[{kind}]' if field.is_required() else kind}")
            self.keys[name] = "\n".join(lines if len(lines) > 1 else [*lines, "    pass"]) + "\n"
        return name

    def _of_field(self, field: FieldInfo) -> list[str]:
        named = next((mark for mark in field.metadata if isinstance(mark, NamesFile)), None)
        return list(dict.fromkeys(self._types(field.annotation, named)))

    def _types(self, annotation: object, named: NamesFile | None = None) -> Iterator[str]:
        """The types of a value, members of a union one by one.

        Args:
            annotation: In the spec class.
            named: Mark of a text that names a file.
        """
        origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is typing.Annotated:
            yield from self._types(inner[0], next((mark for mark in inner[1:] if isinstance(mark, NamesFile)), named))
        elif origin in (typing.Union, types.UnionType):
            for member in inner:
                yield from self._types(member, named)
        elif origin is typing.Literal:
            yield f"Literal[{', '.join(map(repr, inner))}]"
        elif origin is tuple:
            yield f"Sequence[{self._several(inner, named)}]"
        elif isinstance(origin, type) and issubclass(origin, Mapping):
            yield f"Mapping[str, {self._several(inner[1:], named)}]"
        else:
            yield from self._plain(annotation, named)

    def _several(self, annotations: Sequence[object], named: NamesFile | None) -> str:
        members = [kind for item in annotations if item is not Ellipsis for kind in self._types(item, named)]
        return " | ".join(dict.fromkeys(members))

    def _plain(self, annotation: object, named: NamesFile | None) -> Iterator[str]:
        if annotation is None or annotation is types.NoneType:
            yield "None"
        elif not isinstance(annotation, type):
            yield "object"
        elif issubclass(annotation, CalculatorBase | SpaceBase):
            yield from ("Calculator" if issubclass(annotation, CalculatorBase) else "Space", "Mapping[str, object]")
        elif issubclass(annotation, BaseModel):
            yield self._keys_of(annotation, f"{annotation.__name__.removesuffix('Spec')}Keys")
        elif issubclass(annotation, datetime | AwareDatetime):
            yield from ("str", "datetime")
        elif annotation is str and named is not None:
            yield from _FILES.get(named.kind or "", ("str", "PathLike[str]"))
        else:
            yield annotation.__name__ if annotation in (bool, int, float, str) else "object"


def _fields(spec: type[BaseModel], left_out: Sequence[str] = LEFT_OUT) -> Iterator[tuple[str, FieldInfo]]:
    """Keys that a user may give."""
    for key, field in spec.model_fields.items():
        if key not in left_out and not any(isinstance(mark, FilledIn) for mark in field.metadata):
            yield key, field


def main() -> None:
    """Writes the file."""
    TARGET.write_text(Stubs().text(), encoding="utf-8")


if __name__ == "__main__":
    main()

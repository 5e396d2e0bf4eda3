"""Base class of all specs, and types of their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails

from tansaku.models.domain.identifiers import NAME_PATTERN

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
LARGEST_WHOLE = 2**53
"""Whole numbers up to this one are exact in every database and language."""
PositiveInt = Annotated[int, Field(ge=1, le=LARGEST_WHOLE)]
LONGEST_TIME = 1e9
"""About thirty years [s]: the timers of operating systems take no more than nine times as much."""
Timeout = Annotated[float, Field(gt=0, le=LONGEST_TIME)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

LONGEST_FILE_NAME = 255
"""Bytes of a file's or folder's name that file systems take."""


def _short_names(path: str) -> str:
    longest = max(len(part.encode(errors="surrogatepass")) for part in path.split("/"))
    if longest > LONGEST_FILE_NAME:
        raise ValueError(f"a name of {longest} bytes; expected a path whose names have {LONGEST_FILE_NAME} bytes at most")
    return path


FilePath = Annotated[str, Field(min_length=1, max_length=400), AfterValidator(_short_names)]

FileKind = Literal["table", "structure", "potential", "model"]
"""Content of a file that a spec names."""


@dataclass(frozen=True)
class NamesFile:
    """Marks a key whose text is the name of a file. A spec from the dashboard may name files of the library only.

    Attributes:
        kind: What the file holds; None: a folder, which a spec from the dashboard cannot name.
        shipped: Whether a bare name may also mean a file that comes with a package.
    """

    kind: FileKind | None
    shipped: bool = False


@dataclass(frozen=True)
class PlainText:
    """Marks, in the type of a key, a text that is never used as the name of a file."""


PLAIN_TEXT = PlainText()


@dataclass(frozen=True)
class FilledIn:
    """Marks, in the type of a key, a value that is found and not said: specs that differ in it are the same."""


FILLED_IN = FilledIn()


class Spec(BaseModel):
    """Frozen, and every unknown key is an error."""

    # Built when it is first used: a command uses few of the classes that it imports.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _truth_is_no_number(cls, data: object) -> object:
        """True would count as 1."""
        if not isinstance(data, Mapping):
            return data
        wrong = [
            InitErrorDetails(type=field.error, loc=place, input=given)
            for name, field in _numbers(cls)
            for place, given in _truths(data.get(name), (name,), specs=field.specs)
        ]
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return data


class KindSpec(Spec):
    """Base class of specs of which there are several kinds: what the key ``type`` says, one of those that the door lists."""

    opener: ClassVar[str]
    """Module and name in it of what opens such a spec; imported when it is needed."""

    if TYPE_CHECKING:

        @property
        def type(self) -> str:
            """The word in campaign and site files."""


def set_default(spec: Spec, **values: object) -> None:
    """Sets keys whose default depends on other keys, in a validator of the spec, which is frozen for everybody else."""
    spec.__dict__.update(values)


class _Numbers(NamedTuple):
    """A field of numbers.

    Attributes:
        error: Which one a truth value is.
        specs: Whether its values may also be specs.
    """

    error: Literal["int_type", "float_type"]
    specs: bool


@cache
def _numbers(model: type[BaseModel]) -> tuple[tuple[str, _Numbers], ...]:
    """Fields that hold numbers and exclude truth values, with the kinds of number."""
    found = ((name, _number(field.annotation)) for name, field in model.model_fields.items())
    return tuple((name, numbers) for name, numbers in found if numbers is not None)


def _number(annotation: object) -> _Numbers | None:
    """Returns the kinds of number of a field that excludes truth values; None if it allows them, or numbers are wrong too."""
    kinds = list(_kinds(annotation))
    if not {int, float} & set(kinds) or {bool, object} & set(kinds) or not all(isinstance(kind, type) for kind in kinds):
        return None
    specs = any(issubclass(kind, BaseModel) for kind in kinds if isinstance(kind, type))
    return _Numbers("float_type" if float in kinds else "int_type", specs)


def _kinds(annotation: object) -> Iterator[object]:
    """Types of the values, or of their items."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin is Literal:
        yield from map(type, get_args(annotation))
    elif parts := get_args(annotation):
        keyed = isinstance(origin, type) and issubclass(origin, Mapping)
        for part in parts[1:] if keyed else parts:
            if part is not Ellipsis:
                yield from _kinds(part)
    else:
        yield annotation


def _truths(value: object, place: tuple[str | int, ...], *, specs: bool) -> Iterator[tuple[tuple[str | int, ...], bool]]:
    """Truth values in a value or its items, and where.

    Args:
        specs: Whether mappings in it are specs, which look for themselves.
    """
    if isinstance(value, bool):
        yield place, value
    elif value is None or isinstance(value, int | float | str):
        return
    elif isinstance(value, list | tuple) or (isinstance(value, Mapping) and not specs):
        for step, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _truths(item, (*place, step), specs=specs)

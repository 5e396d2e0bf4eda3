"""Fields of forms: each reads its text from the data of a spec, and writes a typed text into them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import FileKind

Read = Callable[[JsonDict], str]
Write = Callable[[JsonDict, str], None]
Path = Sequence[str]

_LONG = 45


@dataclass(frozen=True)
class Field:
    """A field for some keys of a spec.

    Attributes:
        name: Of the input, usually the key.
        title: Its label.
        read: Its text by the data.
        write: Writes a typed text into data; an empty one removes the key. Raises FieldError for a text without a place.
        covers: Keys whose problems it shows.
        lacking: What is to be done where one of these keys is missing or empty.
        about: Text below it.
        choices: Values with their words, for a list; empty: any text.
        suggestions: Some of the texts that are possible.
        lines: Height of a field for several lines; 0: one line.
        number: Whether a number is expected.
        files: Kind of the library's files that it names; None: no files.
        columns: How many columns of a table it takes; 0: it is not shown, as where another choice leaves it no meaning.
        example: Text beside it in a table.
        aside: Whether it holds no key of the spec: what was typed stays in it.
        reads: Endings of files of the user's computer whose text, or first sheet, may be read into it; empty: none.
        decides: Whether it is written after the others, because what it chooses decides which of them apply.
    """

    name: str
    title: str
    read: Read
    write: Write
    covers: tuple[str, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)
    about: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    suggestions: Sequence[str] = ()
    lines: int = 0
    number: bool = False
    files: FileKind | None = None
    columns: int = 1
    example: str = ""
    aside: bool = False
    reads: str = ""
    decides: bool = False

    @property
    def broad(self) -> bool:
        """Whether it needs the room of two fields."""
        return self.lines > 0 or self.files is not None or any(len(words) > _LONG for words in self.choices.values())


@dataclass(frozen=True)
class Part:
    """Fields under a heading.

    Attributes:
        title: The heading.
        fields: Below each other.
        headings: Of the columns of a table of further fields.
        about: Text below the heading.
        more: Whether the part is closed until somebody opens it.
        covers: Keys whose problems it shows below its heading.
        lacking: What is to be done where one of these keys is missing or empty.
    """

    title: str
    fields: Sequence[Field] = ()
    headings: Sequence[str] = ()
    rows: Sequence[Sequence[Field]] = ()
    about: str = ""
    more: bool = False
    covers: tuple[str, ...] = ()
    lacking: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name among those of the fields."""
        return f"part-{self.title.lower()}"

    @property
    def every_field(self) -> Iterator[Field]:
        """Fields of the rows first."""
        yield from (entry for row in self.rows for entry in row)
        yield from self.fields


def found(data: Any, path: Path) -> Any:  # noqa: ANN401 - plain data
    """The value of a path; None where there is none."""
    for step in path:
        data = data.get(step) if isinstance(data, Mapping) else None
    return data


def mapping_at(data: object, path: Path) -> JsonDict:
    """The mapping at a path; an empty one where there is none."""
    value = found(data, path)
    return value if isinstance(value, dict) else {}


def list_at(data: object, path: Path) -> list[Any]:
    """The list at a path; an empty one where there is none."""
    value = found(data, path)
    return value if isinstance(value, list) else []


def put(data: JsonDict, path: Path, value: object) -> None:
    """Sets the value at a path; None removes the key. What is no mapping on the way is replaced."""
    *steps, last = path
    for step in steps:
        if not isinstance(data.get(step), dict):
            if value is None:
                return
            data[step] = {}
        data = data[step]
    if value is None:
        data.pop(last, None)
    else:
        data[last] = value


def shown(value: object) -> str:
    """A simple value as a field shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, dict | list) else f"{value}"


def number_in(text: str) -> float | int | str | None:
    """The number that was typed; another text is kept, for the check to say what is wrong with it."""
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    if re.fullmatch(r"[-+]?\d*,\d+", plain):
        plain = plain.replace(",", ".")
    if re.fullmatch(r"[-+]?\d{1,18}", plain):
        return int(plain)
    try:
        return float(plain) if len(plain) < 40 else plain
    except ValueError:
        return plain or None


def at(key: str, title: str, **more: Any) -> Field:  # noqa: ANN401 - further attributes of a field
    """A field for the text at a key."""
    path = key.split(".")

    def write(data: JsonDict, text: str) -> None:
        put(data, path, text.strip() or None)

    covers = more.pop("covers", (key,))
    return Field(key, title, lambda data: shown(found(data, path)), write, covers, **more)


def number(key: str, title: str, **more: Any) -> Field:  # noqa: ANN401 - further attributes of a field
    """A field for the number at a key."""
    path = key.split(".")
    return replace(at(key, title, **more), number=True, write=lambda data, text: put(data, path, number_in(text)))


def choice(key: str, title: str, choices: Mapping[str, str], usual: str = "", **more: Any) -> Field:  # noqa: ANN401
    """A field for one of several texts at a key.

    Args:
        choices: The values with their words.
        usual: The value that the missing key means.
    """
    path = key.split(".")

    def read(data: JsonDict) -> str:
        return shown(found(data, path)) or usual

    def write(data: JsonDict, text: str) -> None:
        put(data, path, {"true": True, "false": False}.get(text, text))

    return replace(at(key, title, **more), read=read, write=write, choices=choices)


def several(key: str, title: str, **more: Any) -> Field:  # noqa: ANN401 - further attributes of a field
    """A field for the texts at a key, with commas between them; or each in a line of its own, where it has several lines."""
    path, mark = key.split("."), "\n" if more.get("lines") else ", "

    def read(data: JsonDict) -> str:
        texts = found(data, path)
        return mark.join(map(shown, texts)) if isinstance(texts, list) else shown(texts)

    def write(data: JsonDict, text: str) -> None:
        put(data, path, split(text) or None)

    return replace(at(key, title, **more), read=read, write=write)


def split(text: str) -> list[str]:
    """Texts that were typed with commas, semicolons or line ends between them."""
    return [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]


def whole_numbers(key: str, title: str, **more: Any) -> Field:  # noqa: ANN401 - further attributes of a field
    """A field for some whole numbers at a key, such as Miller indices: ``1 1 0``."""
    path = key.split(".")

    def write(data: JsonDict, text: str) -> None:
        put(data, path, indices_in(text))

    return replace(at(key, title, **more), read=lambda data: indices_shown(found(data, path)), write=write)


def indices_in(text: str) -> list[object] | None:
    """Whole numbers with blanks or commas between them."""
    return [number_in(part) for part in re.split(r"[\s,()\[\]]+", text) if part] or None


def indices_shown(value: object) -> str:
    """Whole numbers as they are typed."""
    return " ".join(map(shown, value)) if isinstance(value, list) else shown(value)


def name_and_unit(text: str) -> tuple[str, str]:
    """A name as keys have it, and the unit that was typed behind it in brackets: ``reaction time (h)``; empty: none."""
    match = re.fullmatch(r"([^\[\]()]+)[\[(]\s*([^\[\]()]+?)\s*[\])]", text.strip())
    name, unit = (match[1], match[2]) if match else (text, "")
    return re.sub(r"[\s./-]+", "_", name.strip()), unit


def range_in(text: str) -> tuple[float | int, float | int] | None:
    """The two numbers of a range such as ``300-400`` or ``0.1 to 2``; None: it is none."""
    match = re.fullmatch(r"\s*(-?[\d.]+)\s*(?:-|–|to|\.\.|…)\s*(-?[\d.]+)\s*", text)
    low, high = map(number_in, match.groups()) if match else (None, None)
    return (low, high) if isinstance(low, int | float) and isinstance(high, int | float) else None

"""Rows of a table of fields, each about an entry of a mapping: a parameter, a site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tansaku.deploy.web.spec_forms.fields import Field, Path, found, mapping_at, put, shown
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import JsonDict


class NamedRow:
    """A row whose entry may get its name in the same step as the other fields.

    Args:
        path: Of the mapping.
        word: What an entry is called.
        place: Number of the row, from 1.
        name: Of its entry; empty: none yet.
        begun: With what a new entry begins.
    """

    def __init__(self, path: Path, word: str, place: int, name: str, begun: JsonDict | None = None) -> None:
        self._path, self._word, self._place, self.name, self._called = path, word, place, name, name
        self._begun = begun

    def name_field(self, expected: str, *covers: str) -> Field:
        """The field for the name.

        Args:
            expected: An example.
            covers: Keys besides its own whose problems it shows.
        """
        self._expected = expected
        key = f"{self._word}-{self._place}"
        own = (".".join([*self._path, self.name]),) if self.name else ()
        return Field(key, f"Name of {self._word} {self._place}", lambda _: self.name, self._rename, (*own, *covers))

    def cell(self, key: str, title: str, value_of: Callable[[str], object], **more: Any) -> Field:  # noqa: ANN401
        """A field for a key of the entry; a list has commas between its texts.

        Args:
            value_of: The value of a typed text.
        """

        def read(data: JsonDict) -> str:
            value = found(data, (*self._path, self.name, key))
            return ", ".join(map(shown, value)) if isinstance(value, list) else shown(value)

        def write(data: JsonDict, text: str) -> None:
            self.put(data, key, value_of(text) if text.strip() else None)

        covers = (".".join([*self._path, self.name, key]),) if self.name else ()
        called = self.name or f"{self._word} {self._place}"
        return Field(f"{key}-{self._place}", f"{title} of {called}", read, write, covers, **more)

    def put(self, data: JsonDict, key: str, value: object) -> None:
        """Sets a key of the entry; None removes it."""
        if self._called:
            put(data, (*self._path, self._called, key), value)
        elif value is not None:
            raise FieldError(f"{self._word}-{self._place}", f"missing; expected a name such as {self._expected}")

    def _rename(self, data: JsonDict, text: str) -> None:
        new, entries = text.strip(), mapping_at(data, self._path)
        if new != self._called and new in entries:
            raise FieldError(f"{self._word}-{self._place}", f"{new!r} is in two rows")
        items = {(new if key == self._called else key): value for key, value in entries.items() if new or key != self._called}
        if new and self._begun is not None:
            items.setdefault(new, dict(self._begun))
        put(data, self._path, items)
        self._called = new


def names_in(data: JsonDict, path: Path, free: int) -> Sequence[str]:
    """Names of the entries of a mapping, then empty ones for new entries.

    Args:
        free: How many.
    """
    return [*mapping_at(data, path), *[""] * free]

"""Forms that were refused: their page is shown again with what was typed, and the message at the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

from tansaku.deploy.web.pages.formats import Html, message

_NEVER_SHOWN = frozenset({"csrf_token", "key", "revision", "password", "present", "new", "again", "token"})
"""Secrets, and what a page makes for each form itself."""


@dataclass(frozen=True)
class Form:
    """A form of a page.

    Attributes:
        id: Distinguishes it from the other forms of its page.
        fields: What was typed, by field.
        other: The field to which messages about keys without a field belong; empty: the whole form.
    """

    id: str
    fields: Mapping[str, str] = field(default_factory=dict)
    other: str = ""


@dataclass(frozen=True)
class Refused:
    """A refused form, for templates.

    Attributes:
        form: The form; one without id: none was refused.
        place: The field that is wrong; empty: the form as a whole.
        detail: Why.
    """

    form: Form = field(default_factory=lambda: Form(""))
    place: str = ""
    detail: str = ""

    def __bool__(self) -> bool:
        return bool(self.form.id)

    def value(self, form: str, name: str, usual: object = "") -> object:
        """Value of a field: the typed one, else the default.

        Args:
            form: Id of its form.
            usual: Its default value.
        """
        typed = None if form != self.form.id or name in _NEVER_SHOWN else self.form.fields.get(name)
        return usual if typed is None else typed

    def note(self, form: str, name: str = "") -> Html:
        """The message at a field or at the whole form; empty where it belongs to another."""
        if not self._is_at(form, name):
            return Html("")
        return Html(f'<p class="problem" id="{escape(_note_id(form, name))}" role="alert">{message(self.detail)}</p>')

    def mark(self, form: str, name: str) -> Html:
        """Attributes of a field: a wrong one is marked and gets the focus."""
        if not self._is_at(form, name):
            return Html("")
        return Html(f' aria-invalid="true" aria-describedby="{escape(_note_id(form, name))}" autofocus')

    def opened(self, form: str) -> Html:
        """Attribute of the details that hold a form: they are open when it was refused."""
        return Html(" open" if form == self.form.id else "")

    def _is_at(self, form: str, name: str) -> bool:
        return bool(self) and (form, name) == (self.form.id, self.place)


NOTHING = Refused()
"""Default where no form was refused."""


def _note_id(form: str, name: str) -> str:
    return f"problem-{form}-{name}" if name else f"problem-{form}"

"""Ions as a campaign file writes them: ``V3+``, ``F-``, ``OH-``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown

_ION = re.compile(r"(OH|[A-Z][a-z]?)([1-9]?)([+-])")


@dataclass(frozen=True, order=True)
class Ion:
    """An ion of a definite charge.

    Attributes:
        symbol: Chemical symbol, or ``OH`` for hydroxide.
        charge: Oxidation state, or the charge of the hydroxide [e].
    """

    symbol: str
    charge: int

    @classmethod
    def parse(cls, text: str) -> Ion:
        """Reads ``V3+``, ``Li+`` or ``OH-``.

        Raises:
            ConfigurationError: It is written otherwise.
        """
        match = _ION.fullmatch(text)
        if match is None:
            raise ConfigurationError(f"{shown(text)} is not an ion; expected symbol, number and sign, such as 'Li+' or 'O2-'")
        symbol, number, sign = match.groups()
        return cls(symbol, int(number or 1) * (1 if sign == "+" else -1))

    @property
    def label(self) -> str:
        """Part of a candidate's id: symbol and size of the charge, 1 left out (``V3``, ``F``, ``O2``)."""
        size = abs(self.charge)
        return self.symbol if size == 1 else f"{self.symbol}{size}"

    @property
    def element(self) -> str:
        """Symbol of the element that takes the site: ``O`` for hydroxide."""
        return "O" if self.symbol == "OH" else self.symbol

    def __str__(self) -> str:
        size = abs(self.charge)
        return f"{self.symbol}{size if size > 1 else ''}{'+' if self.charge > 0 else '-'}"


HYDROXIDE = Ion("OH", -1)

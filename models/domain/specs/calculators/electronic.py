"""Keys that the specs of density-functional codes share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.specs.base import PositiveFloat, Spec


class SmearingSpec(Spec):
    """Smearing of the occupations near the Fermi level. Energies are extrapolated to zero width where the kind allows it.

    Attributes:
        type: Occupation function; ``methfessel_paxton`` is of first order.
        width: Width [eV].
    """

    type: Literal["fermi_dirac", "methfessel_paxton", "marzari_vanderbilt"] = "fermi_dirac"
    width: PositiveFloat = 0.1


Moments = dict[Annotated[str, Field(pattern=r"^[A-Z][a-z]?$")], Annotated[float, Field(ge=-10, le=10)]]
"""Magnetic moment that every atom of an element begins with [μB]."""


def check_moments(spin: bool, moments: Moments) -> None:
    """Raises ValueError for magnetic moments without spin polarisation."""
    if moments and not spin:
        raise ValueError("magnetic_moments: given without spin: true; remove them or set spin: true")

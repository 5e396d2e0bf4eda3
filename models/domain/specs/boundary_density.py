"""Keys of a grain-boundary space that is searched for the number of atoms in the boundary and for its reconstruction."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tansaku.models.domain.specs.base import PositiveFloat, Spec

LARGEST_LAMMPS_SEED = 900_000_000
"""Seeds of LAMMPS's random numbers are smaller."""

MELTING_POINTS = {
    "Ag": 1235.0,
    "Al": 933.0,
    "Au": 1337.0,
    "Be": 1560.0,
    "C": 3823.0,
    "Cd": 594.0,
    "Co": 1768.0,
    "Cr": 2180.0,
    "Cu": 1358.0,
    "Fe": 1811.0,
    "Ge": 1211.0,
    "Hf": 2506.0,
    "Ir": 2719.0,
    "Li": 454.0,
    "Mg": 923.0,
    "Mo": 2896.0,
    "Na": 371.0,
    "Nb": 2750.0,
    "Ni": 1728.0,
    "Pb": 601.0,
    "Pd": 1828.0,
    "Pt": 2041.0,
    "Re": 3458.0,
    "Rh": 2237.0,
    "Ru": 2606.0,
    "Sc": 1814.0,
    "Si": 1687.0,
    "Ta": 3290.0,
    "Ti": 1943.0,
    "V": 2183.0,
    "W": 3695.0,
    "Y": 1795.0,
    "Zn": 693.0,
    "Zr": 2127.0,
}
"""Melting points of the elements [K], rounded: CRC Handbook of Chemistry and Physics, 97th edition (2016)."""

Fraction = Annotated[float, Field(ge=0, lt=1)]


class ReplicationSpec(Spec):
    """Numbers of repeats of the cell along the two periods in the plane; all numbers up to these are searched.

    Attributes:
        max_atoms: Atoms in a cell of the search, at most.
        max: Repeats perpendicular to the tilt axis and along it, at most.
    """

    max_atoms: Annotated[int, Field(ge=1, le=1_000_000)] = 900
    max: tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]] = (2, 11)


class BoundaryAtomsSpec(Spec):
    """Number of atoms of the boundary.

    Attributes:
        fractions: Atoms of the last plane over those of a full one, n = (N mod N_plane) / N_plane, at least 0 and below 1.
            0: no atom is removed. ``all``: every fraction that a cell can have. A number means those within 0.005 of it.
        layer: Atoms are removed from the planes of the upper grain up to this height above its lowest plane [Å]; the lowest
            plane always counts.
        even: Share of the candidates that lose evenly spaced atoms of each row along the side with more repeats, as many of
            each row; the others lose any atoms. In long cells evenly spaced ones are few among all choices.
        closest: Share of the candidates that lose the atoms that are closest to the lower grain's, the closest first.
    """

    fractions: Literal["all"] | Annotated[tuple[Fraction, ...], Field(min_length=1, max_length=1000)] = "all"
    layer: Annotated[float, Field(ge=0, le=10)] = 0.8
    even: Annotated[float, Field(ge=0, le=1)] = 0.0
    closest: Annotated[float, Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        if self.even + self.closest > 1:
            raise ValueError(f"even, closest: {self.even:g} + {self.closest:g}; expected shares that add up to 1 at most")
        return self


class AnnealSpec(Spec):
    """Molecular dynamics before the relaxation: at constant temperature, then cooled to 50 K in 2 ps.

    Attributes:
        probability: Share of the candidates that are annealed.
        temperature: Lowest and highest temperature, as shares of the melting point, at most 2.
        steps: Fewest and most steps of 2 fs at that temperature.
        melting_point: At most 10,000 [K]; null: the element's.
    """

    probability: Annotated[float, Field(gt=0, le=1)] = 0.5
    temperature: tuple[PositiveFloat, PositiveFloat] = (0.3, 0.9)
    steps: tuple[Annotated[int, Field(ge=1, le=10_000_000)], Annotated[int, Field(ge=1, le=10_000_000)]] = (5000, 20_000)
    melting_point: Annotated[float, Field(gt=0, le=10_000)] | None = None

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for key in ("temperature", "steps"):
            low, high = getattr(self, key)
            if low > high:
                raise ValueError(f"{key}: [{low:g}, {high:g}]; expected the lower one first")
        if self.temperature[1] > 2:
            raise ValueError(f"temperature: {self.temperature[1]:g} times the melting point; expected 2 at most")
        return self

    def melting_point_of(self, element: str) -> float:
        """The melting point that temperatures are shares of [K].

        Raises:
            ValueError: It is not given, and the element's is not known.
        """
        found = self.melting_point or MELTING_POINTS.get(element)
        if found is None:
            raise ValueError(
                f"anneal.melting_point: null, and the melting point of {element} is not tabulated; expected a number [K]"
            )
        return found

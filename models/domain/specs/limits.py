"""Limits of the machine for campaign files; for a larger search, the owner of the site file raises them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.base import Spec

LimitName = Literal[
    "index",
    "sigma",
    "surfaces",
    "atoms",
    "soap_atoms",
    "pool",
    "combinations",
    "initial",
    "cif_bytes",
    "cif_atoms",
    "structure_bytes",
]


class LimitsSpec(Spec):
    """Limits for campaign files, checked by `tansaku check` and when a campaign is created, before candidates are listed.

    Attributes:
        index: Miller indices of axes and planes.
        sigma: ``boundaries.max_sigma``.
        surfaces: Boundaries, each counted once for every number of removed planes.
        atoms: Atoms in a cell with boundaries, or in a structure of a file that lists every atom.
        soap_atoms: Atoms in the cells of all surfaces, or of all structures, together, where SOAP describes them.
        pool: Candidates of a space of boundaries, or rows of a table.
        combinations: Combinations of ions of a composition space; candidates of a space of crystals, oxides or structures.
        initial: Evaluations of an initial design.
        cif_bytes: Size of a CIF or POSCAR, or of the file of a host.
        cif_atoms: Atoms in the cell of a CIF, and in the cell that transformations make of it.
        structure_bytes: Size of all files of a space of structures together.
    """

    index: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    sigma: Annotated[int, Field(ge=3, le=9999)] = 1000
    surfaces: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    atoms: Annotated[int, Field(ge=1, le=100_000_000)] = 20_000
    soap_atoms: Annotated[int, Field(ge=1, le=100_000_000)] = 50_000
    pool: Annotated[int, Field(ge=1, le=20_000_000)] = 2_000_000
    combinations: Annotated[int, Field(ge=1, le=1_000_000)] = 100_000
    initial: Annotated[int, Field(ge=1, le=20_000_000)] = 10_000
    cif_bytes: Annotated[int, Field(ge=1, le=100_000_000)] = 1_000_000
    cif_atoms: Annotated[int, Field(ge=1, le=10_000)] = 200
    structure_bytes: Annotated[int, Field(ge=1, le=10_000_000_000)] = 100_000_000


DEFAULT_LIMITS = LimitsSpec()
"""Limits of a machine whose site file sets none."""

CEILING = LimitsSpec(
    index=1_000_000,
    sigma=9999,
    surfaces=1_000_000,
    atoms=100_000_000,
    soap_atoms=100_000_000,
    pool=20_000_000,
    combinations=1_000_000,
    initial=20_000_000,
    cif_bytes=100_000_000,
    cif_atoms=10_000,
    structure_bytes=10_000_000_000,
)
"""The highest that a machine can set; they hold where a stored campaign's space is opened, on whatever machine."""


def check_limit(limits: LimitsSpec | None, name: LimitName, value: float, what: str) -> None:
    """Refuses what is above a limit.

    Args:
        limits: The machine's; None: it was judged when the campaign was created, and only the ceiling holds.
        what: The key that asks for it, and what is counted.

    Raises:
        ConfigurationError: It is above.
    """
    most = getattr(limits or CEILING, name)
    if value <= most:
        return
    asked = (
        f"{value:,}" if isinstance(value, int) and value < 10**15 else f"{value:.3g}" if value < 1e300 else "too many to count"
    )
    raise ConfigurationError(
        f"{what}: {asked}; expected at most {most:,}",
        hint=f"a larger limit is a setting of the machine, in its site file: limits: {{{name}: ...}}",
    )

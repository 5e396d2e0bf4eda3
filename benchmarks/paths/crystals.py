"""``python -m benchmarks.paths.crystals``: hosts from published crystal structures, without their mobile ions, as files.

Space group, lattice parameters and Wyckoff positions are typed in; ASE's tables of space groups make the primitive cells of
them. What was checked, and what could not be, says ``docs/results/diffusion-paths.md``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.spacegroup import crystal

from tansaku.calculators.structures.extended_xyz import write_extended_xyz

FOLDER = Path(__file__).parent / "structures"

Place = tuple[float, float, float]


@dataclass(frozen=True)
class Crystal:
    """A crystal whose mobile ions are left out.

    Attributes:
        name: Of its file.
        space_group: Number; the standard setting, hexagonal axes.
        cell: Lengths [Å] and angles [degrees].
        sites: Element and fractional coordinates of the host's sites.
        ion: What moves, and a site where it is found.
        reference: Where it was published.
    """

    name: str
    space_group: int
    cell: tuple[float, float, float, float, float, float]
    sites: tuple[tuple[str, Place], ...]
    ion: tuple[str, Place]
    reference: str

    def host(self) -> Atoms:
        """The primitive cell of the host."""
        elements, places = zip(*self.sites, strict=True)
        built = crystal(elements, places, spacegroup=self.space_group, cellpar=self.cell, primitive_cell=True)
        return Atoms(built.numbers, scaled_positions=built.get_scaled_positions(), cell=built.cell, pbc=True)

    @property
    def file(self) -> Path:
        """File of the host."""
        return FOLDER / f"{self.name}.extxyz"


CRYSTALS = (
    Crystal(
        "fepo4",
        62,
        (10.332, 6.010, 4.692, 90.0, 90.0, 90.0),
        (
            ("Fe", (0.28222, 0.25, 0.97472)),
            ("P", (0.09486, 0.25, 0.41820)),
            ("O", (0.09678, 0.25, 0.74279)),
            ("O", (0.45710, 0.25, 0.20602)),
            ("O", (0.16558, 0.04646, 0.28478)),
        ),
        ("Li", (0.0, 0.0, 0.0)),
        "LiFePO4: Streltsov et al. (1993), Acta Crystallogr. B 49, 147, https://doi.org/10.1107/S0108768192004701",
    ),
    Crystal(
        "cr2p3o12",
        167,
        (8.6476, 8.6476, 21.6169, 90.0, 90.0, 120.0),
        (
            ("Cr", (0.0, 0.0, 0.1465)),
            ("P", (0.2911, 0.0, 0.25)),
            ("O", (0.1746, -0.0306, 0.1934)),
            ("O", (0.1925, 0.1675, 0.087)),
        ),
        ("Na", (0.0, 0.0, 0.0)),
        "Na3Cr2(PO4)3: Lucazeau et al. (1986), Solid State Ionics 18-19, 959 (Crystallography Open Database 1008846)",
    ),
    Crystal(
        "la3zr2o12",
        230,
        (12.9827, 12.9827, 12.9827, 90.0, 90.0, 90.0),
        (("La", (0.125, 0.0, 0.25)), ("Zr", (0.0, 0.0, 0.0)), ("O", (-0.0318, 0.0547, 0.1498))),
        ("Li", (0.375, 0.0, 0.25)),
        "Li7La3Zr2O12: Awaka et al. (2011), Chem. Lett. 40, 60, https://doi.org/10.1246/cl.2011.60",
    ),
)


def main() -> None:
    """Entry of the command."""
    FOLDER.mkdir(exist_ok=True)
    for item in CRYSTALS:
        write_extended_xyz(item.file, item.host())
        print(item.file)


if __name__ == "__main__":
    main()

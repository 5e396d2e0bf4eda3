"""Files of a network of hops: JSON, GraphML, and the path as structures."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.diffusion.hops.grid_path import GridPath
from tansaku.diffusion.hops.hop_network import HopNetwork
from tansaku.diffusion.hops.rates import ATTEMPT, Arrhenius, arrhenius
from tansaku.diffusion.hops.refinement import RefinedHop, Refinement
from tansaku.diffusion.hops.report import as_graphml, describe_diffusion, describe_network
from tansaku.diffusion.tasks.surface import CampaignSurface
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict

TEMPERATURES = (300.0, 400.0, 500.0, 600.0, 800.0, 1000.0)
"""Temperatures at which diffusion is given where none are asked for [K]."""


@dataclass(frozen=True)
class PathReport:
    """Report on a surface.

    Attributes:
        network: Its hops, refined or not.
        diffusion: Against temperature; None where the ion does not get away.
        refinement: What was refined; None where nothing was.
        attempt: Attempt frequency of hops without vibrations [Hz].
    """

    surface: CampaignSurface
    network: HopNetwork
    diffusion: Arrhenius | None
    refinement: Refinement | None
    attempt: float

    @classmethod
    def of(
        cls,
        surface: CampaignSurface,
        refinement: Refinement | None = None,
        temperatures: Sequence[float] = TEMPERATURES,
        attempt: float = ATTEMPT,
    ) -> PathReport:
        """The report of a surface."""
        network = surface.network if refinement is None else refinement.network
        return cls(surface, network, arrhenius(network, temperatures, attempt), refinement, attempt)

    def document(self) -> JsonDict:
        """Returns the report as plain data."""
        surface = self.surface
        named = {site.candidate for site in self.network.sites} | {item.candidate for item in self.network.passes}
        unsure = {candidate: float(surface.deviations[candidate]) for candidate in named if not surface.computed[candidate]}
        return {
            "barriers": [found.row() for found in surface.barriers],
            "barriers_by_neighbours": {
                str(number): [value if np.isfinite(value) else None for value in barriers]
                for number, barriers in surface.barriers_by_neighbours().items()
            },
            **describe_network(self.network, {key: value for key, value in unsure.items() if np.isfinite(value)}),
            "attempt_frequency": self.attempt,
            "diffusion": None if self.diffusion is None else describe_diffusion(self.diffusion),
            "refinement": None
            if self.refinement is None
            else {
                "evaluations": self.refinement.evaluations,
                "failures": dict(self.refinement.failures),
                "bands": [_describe(hop) for hop in self.refinement.hops],
            },
        }


def _describe(hop: RefinedHop) -> JsonDict:
    row: JsonDict = {"distance": list(hop.distance), "energies": list(hop.energies), "method": hop.method}
    if hop.direction is not None:
        row["direction"] = list(hop.direction)
    return row if hop.force_along is None else row | {"force_along": hop.force_along}


def make_folder(folder: Path) -> None:
    """Makes a folder for files, before anything is computed for them.

    Raises:
        ConfigurationError: It cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--out: {str(folder)!r} cannot be created: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"--out: {str(folder)!r} cannot be written to; expected a folder of yours")


def write_report(report: PathReport, folder: Path) -> list[Path]:
    """Writes ``network.json``, ``network.graphml`` and, where there is a path, ``path.extxyz``.

    Args:
        folder: Made if it does not exist; files of the same names are overwritten.

    Raises:
        ConfigurationError: The folder cannot be made or written to.
    """
    make_folder(folder)
    document = report.document()
    data, graph = folder / "network.json", folder / "network.graphml"
    data.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    graph.write_bytes(as_graphml(document))
    written = [data, graph]
    way = report.surface.path(report.surface.goal.dimensions)
    if way is not None:
        write_extended_xyz(folder / "path.extxyz", _path_frames(way, report))
        written.append(folder / "path.extxyz")
    if report.refinement is not None and report.refinement.hops:
        write_extended_xyz(folder / "bands.extxyz", _band_frames(report.refinement))
        written.append(folder / "bands.extxyz")
    return written


def _path_frames(way: GridPath, report: PathReport) -> list[Atoms]:
    """Structures along a path over the grid, each with its energy above the lowest site and whether it was computed."""
    zero = report.surface.network.sites[report.surface.network.minimum].energy
    frames = []
    for fraction, energy, candidate, distance in zip(
        way.fractions, way.energies, way.candidates, way.lengths(report.surface.cell), strict=True
    ):
        atoms = report.surface.space.structure_at(fraction)
        atoms.info |= {
            "distance": float(distance),
            "relative_energy": float(energy - zero),
            "computed": bool(report.surface.computed[candidate]),
        }
        frames.append(atoms)
    return frames


def _band_frames(refinement: Refinement) -> list[Atoms]:
    frames = []
    for hop in refinement.hops:
        for image, energy in zip(hop.structures, hop.energies, strict=True):
            atoms = image.copy()
            atoms.set_constraint()
            atoms.info |= {"hop": hop.number, "total_energy": energy}
            frames.append(atoms)
    return frames


def distinct_hops(document: JsonDict) -> list[JsonDict]:
    """One row for hops that symmetry makes equal, the lowest pass first.

    Args:
        document: Of :meth:`PathReport.document`.

    Returns:
        The first of them, with their number in a cell as ``count`` and what any of them ``limits``. Equal are hops that an
        operation of the host maps onto each other, over passes at equal points. Their lengths may differ by a step of the grid,
        because a minimum between equal points is at any of them.
    """
    rows: dict[int, JsonDict] = {}
    for hop in document["hops"]:
        row = rows.setdefault(hop["orbit"], {**hop, "count": 0})
        row["count"] += 1
        row["limits"] = sorted({*row["limits"], *hop["limits"]})
    return list(rows.values())

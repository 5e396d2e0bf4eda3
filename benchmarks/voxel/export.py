"""``python -m benchmarks.voxel.export``: gathers what the campaign of ``oxides.yaml`` has computed into ``oxides.npz``.

Oxides that are in the file already stay as they are, so that it grows on any machine:

    tansaku import --observations benchmarks/voxel/oxides.parquet     # a new machine: nothing is computed twice
    tansaku dataset build benchmarks/voxel/oxides.yaml                # may be stopped at any time and started again
    python -m benchmarks.voxel.export
    tansaku export oxides --observations benchmarks/voxel/oxides.parquet
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np

from benchmarks.voxel.data import FILE, TARGETS, Row, half_amplitudes, read, write
from tansaku.calculators.engines.gpaw import valence_electrons, valence_energy
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.features.species import species_of
from tansaku.tasks.backends.resources import Resources, open_resources
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.datasets.building import finished, searched
from tansaku.tasks.node.configuration.campaign_files import load_site

CAMPAIGN = "oxides"
DENSITY = "density.npz"
_CONVERGED = 1e-3


def row_of(evaluation: Evaluation, resources: Resources) -> Row | None:
    """An oxide of a finished evaluation, None where its density is on another machine."""
    outcome = evaluation.outcome
    density = outcome.artifacts.get(DENSITY) if outcome is not None else None
    if outcome is None or density is None or not resources.artifacts.exists(density):
        return None
    atoms = read_structure(evaluation, resources.artifacts)
    with resources.artifacts.open(density) as stream, np.load(io.BytesIO(stream.read()), allow_pickle=False) as kept:
        field, cell = kept["density"], kept["cell"]
    field = field.sum(axis=0) if field.ndim == 4 else field
    electrons = float(outcome.properties["calculation"]["electrons"])
    if abs(field.mean() * abs(np.linalg.det(cell)) - electrons) > _CONVERGED * electrons:
        raise SystemExit(f"{evaluation.proposal.candidate}: the density holds another number of electrons")
    stress = float(np.mean(atoms.calc.results["stress"][:3]))
    targets = {name: outcome.quantities[name].value for name in TARGETS}
    # Made for the first 256 evaluations of oxides.parquet, whose ΔE_xc is that of a total energy relative to GPAW's reference
    # atoms. Later ones get back what they have; goes when those are computed again.
    absolute = sum(valence_energy(symbol, "PBE") for symbol in atoms.get_chemical_symbols()) - targets["cohesive_energy"]
    others = targets["eigenvalue_energy"] - targets["hartree_energy"] + targets["ion_ion_energy"]
    targets["delta_xc_energy"] = absolute - others
    atoms.calc = None
    return Row(evaluation.proposal.candidate, atoms, targets, stress, electrons, half_amplitudes(field, cell))


def main() -> None:
    """Gathers and writes."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.voxel.export", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=FILE, help="file to write; what it holds stays")
    given = parser.parse_args()
    rows, described = read(given.out) if given.out.exists() else ([], {})
    known = {row.id for row in rows}
    settings = Settings.from_environment()
    with open_resources(settings, load_site(settings.site_file)) as resources:
        done = finished(searched(resources, CAMPAIGN))
        found = [row_of(item, resources) for item in done if item.proposal.candidate not in known]
        rows += [row for row in found if row is not None]
    write(rows, described | _description(done, rows), given.out)
    print(f"{len(rows)} oxides in {given.out}, {given.out.stat().st_size / 1e6:.2f} MB")


def _description(done: list[Evaluation], rows: list[Row]) -> JsonDict:
    """Describes who computed the evaluations, and how many valence electrons each element has."""
    provenance = next((item.outcome.provenance for item in done if item.outcome and item.outcome.provenance), None)
    if provenance is None:
        return {}
    symbols = species_of(row.structure for row in rows)
    return {
        "provenance": provenance.model_copy(update={"host": "", "cpu": ""}).model_dump(mode="json"),
        "valence_electrons": {symbol: valence_electrons(symbol, "PBE") for symbol in symbols},
    }


if __name__ == "__main__":
    main()

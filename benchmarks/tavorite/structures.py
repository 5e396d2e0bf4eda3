"""``python -m benchmarks.tavorite.structures``: the relaxed crystal of every row of the table, as compressed extended XYZ.

Structures come from ``observations.parquet`` (`tansaku export tavorites --observations FILE --with-structures`). A row that was
imported without its structure is relaxed again, by the first part of the workflow that made it; its cell must be the recorded
one. Crystals that the file has already are kept, so an interrupted run continues.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms
from ase.io import read

from benchmarks.tavorite.__main__ import HERE
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.extended_xyz import read_extended_xyz, write_extended_xyz
from tansaku.calculators.workflows.migration.relaxing import Relaxer, Through
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.composition import CompositionSpaceSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec
from tansaku.spaces.composition import CompositionSpace
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.barrier import with_results

FILE = "tavorites.extxyz.gz"
_LENGTH, _ANGLE = 0.05, 0.5
"""Largest difference of two relaxed cells, relaxed to the same largest force, that count as equal [Å, degrees]."""


class Again:
    """Relaxes crystals as the campaign does."""

    def __init__(self, spec: CampaignSpec, folder: Path) -> None:
        workflow = workflow_of(spec.calculator)
        if not isinstance(workflow, MigrationBarrierSpec) or not isinstance(spec.space, CompositionSpaceSpec):
            raise AssertionError("tavorites.yaml is of compositions and barriers")
        assert spec.calculator is not None
        self._space = CompositionSpace(spec.space, folder)
        self._calculator = open_calculator(spec.calculator, folder)
        self._relaxer = Relaxer(Through(self._calculator), workflow.fmax, workflow.max_steps)

    def __call__(self, candidate: str, cell: list[float]) -> Atoms:
        """The relaxed crystal; ``cell`` are its recorded lengths [Å] and angles [degrees]."""
        atoms = self._relaxer.host(self._space.structure(candidate))
        difference = np.abs(atoms.cell.cellpar() - cell)
        if difference[:3].max() > _LENGTH or difference[3:].max() > _ANGLE:
            raise SystemExit(f"{candidate}: after relaxing again, its cell differs by {difference.round(3).tolist()}")
        return with_results(atoms, self._calculator, candidate)


def crystals(table: pd.DataFrame, known: dict[str, Atoms], again: Again) -> Iterator[Atoms]:
    """The relaxed crystal of each finished row, with its barrier [eV], by name."""
    for row in table[table.state == "DONE"].sort_values("candidate").itertuples():
        candidate, outcome = str(row.candidate), json.loads(str(row.record))["outcome"]
        if candidate in known:
            atoms = known[candidate]
        elif isinstance(row.structure, str):
            atoms = next(read_extended_xyz(row.structure))
            atoms.info["made"] = "campaign"
        else:
            atoms = again(candidate, outcome["properties"]["cell_lengths_and_angles"])
            atoms.info["made"] = "relaxed again"
        atoms.info["migration_barrier"] = outcome["quantities"]["migration_barrier"]["value"]
        yield atoms


def main() -> None:
    """Entry of the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--observations", type=Path, default=HERE / "observations.parquet", help="the table, with structures")
    parser.add_argument("--out", type=Path, default=HERE / FILE, help="file to write, its name ending in .extxyz.gz")
    arguments = parser.parse_args()
    again = Again(load_campaign(HERE / "tavorites.yaml").spec, HERE)
    known = {atoms.info["candidate"]: atoms for atoms in read(arguments.out, ":")} if arguments.out.is_file() else {}
    done = dict(known)
    for atoms in crystals(pd.read_parquet(arguments.observations), known, again):
        candidate = atoms.info["candidate"]
        done[candidate] = atoms
        if candidate not in known and atoms.info["made"] != "campaign":
            print(f"{candidate}: relaxed again", flush=True)
            keep(done, arguments.out)
    keep(done, arguments.out)
    print(f"{arguments.out}: {len(done)} crystals")


def keep(done: dict[str, Atoms], path: Path) -> None:
    """Writes all crystals so far, by name, whole or not at all."""
    aside = path.with_name(f"part-{path.name}")
    with gzip.open(aside, "wt", encoding="utf-8") as stream:
        write_extended_xyz(stream, [done[candidate] for candidate in sorted(done)])
    aside.replace(path)


if __name__ == "__main__":
    main()

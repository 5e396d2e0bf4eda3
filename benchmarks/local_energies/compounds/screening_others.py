"""``python -m benchmarks.local_energies.compounds.screening_others --out FILE``: was the screen right about what it left out?

The screen of MgO ranked 1,015 structures by a model of CHGNet's energies, and CHGNet computed 321 of them
(``mgo-screen.csv.gz``). Some of the others, spread over the predicted energies, are computed here: the ions relax them again
from the same start, which gives their energy of the table, and CHGNet computes the boundary energy of the relaxed structure.
It is compared with the calibrated prediction, in units of its deviation, and with the highest of the ten lowest boundaries. A
few structures that the screen computed show that the numbers are the same. A run that was interrupted continues.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from benchmarks.command import begun, command
from benchmarks.local_energies.compounds.screening import FILES, HERE, spec_of, table_of
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, planar_area
from tansaku.calculators.workflows.compound_boundary import relaxed_boundary
from tansaku.models.domain.records import JsonDict
from tansaku.spaces.compound_boundary import CompoundBoundarySpace
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.opened import opened_compound
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.screening.calibration import Prospects, prospects, spread_sample
from tansaku.tasks.read.screening.predicting import excess_energy, load_screen
from tansaku.tasks.read.screening.rows import ScreenRow, lowest_labelled

OTHERS = 30
AGAIN = 4
"""Structures of the screen's own computations that are computed once more."""


class Both:
    """Energies of a candidate of the screen by the ions, which relax it, and by CHGNet."""

    def __init__(self) -> None:
        loaded = load_screen(HERE / f"{FILES['chgnet']}.yaml")
        (campaign,) = loaded.campaigns
        space = open_space(campaign.spec.space, campaign.base_path)
        assert isinstance(space, CompoundBoundarySpace)
        assert campaign.spec.calculator is not None
        self._space, self._spec = space, campaign.spec.calculator
        self._reference = opened_compound(
            self._spec, str(campaign.base_path), campaign.spec.space, self._spec.relaxation, str(space.pool().ids[0])
        )
        self._ions = open_calculator(self._spec, campaign.base_path)
        self._chgnet = open_calculator(spec_of("chgnet").calculator, HERE)
        self._bulk = loaded.crystal.energies(lambda atoms: self._chgnet.evaluate(atoms).energy)

    def of(self, candidate: str) -> tuple[float, float]:
        """Boundary energies by the ions and by CHGNet [mJ/m^2]."""
        start = self._space.built(candidate, *self._reference.crystals)
        result = relaxed_boundary(self._ions, start, self._spec.relaxation)
        area = planar_area(result.atoms)
        units = int(start.info["formula_units"])
        by_ions = 1000.0 * (result.energy - units * self._reference.bulk) / (2.0 * area) * EV_PER_A2
        atoms = result.atoms.copy()
        atoms.info = dict(start.info)
        return by_ions, excess_energy(self._chgnet.evaluate(atoms).energy, self._bulk(atoms), atoms)


def judgement(rows: Sequence[JsonDict], state: Prospects, last: float) -> JsonDict:
    """Errors of the calibrated predictions, and structures that would have changed the lowest boundaries.

    Args:
        rows: Structures that the screen had left out.
        state: What the screen said at its end.
        last: Energy of the highest of the lowest boundaries [mJ/m^2].
    """
    errors = np.array([row["chgnet"] - row["corrected"] for row in rows])
    scores = np.abs(errors) / np.array([row["deviation"] for row in rows])
    return {
        "structures": len(rows),
        "expected_to_change": float(state.expected),
        "below_the_tenth": sum(row["chgnet"] < last for row in rows),
        "tenth": last,
        "lowest": min(row["chgnet"] for row in rows),
        "within_one": float((scores <= 1.0).mean()),
        "within_two": float((scores <= 2.0).mean()),
        "mean_error": float(errors.mean()),
        "rms_error": float(np.sqrt((errors**2).mean())),
        "rank_correlation": _ranks([row["corrected"] for row in rows], [row["chgnet"] for row in rows]),
        "rank_correlation_of_ions": _ranks([row["ions"] for row in rows], [row["chgnet"] for row in rows]),
    }


def _ranks(first: Sequence[float], second: Sequence[float]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)


def chosen(table: Sequence[ScreenRow], count: int, again: int) -> list[ScreenRow]:
    """Structures that the screen left out, spread over the predictions, and some that it computed."""
    random = np.random.default_rng(0)
    left, known = ([row for row in table if (row.label is None) == out] for out in (True, False))
    return [
        *(left[place] for place in spread_sample(left, count, random)),
        *(known[place] for place in spread_sample(known, again, random)),
    ]


def main() -> None:
    """Entry of the command."""
    options = command("local_energies.compounds.screening_others", __doc__, quick="four structures").parse_args()
    table = sorted(table_of("chgnet"), key=lambda row: row.structure)
    spec = spec_of("chgnet")
    state = prospects(table, {row.structure: row.label for row in table if row.label is not None}, spec.lowest)
    corrected = dict(zip((row.candidate for row in table), zip(state.corrected, state.errors, strict=True), strict=True))
    result = begun(options.out, {"schema_version": 1, "quick": options.quick}, rows=[])
    both, had = Both(), {row["candidate"] for row in result["rows"]}
    for row in chosen(table, 3 if options.quick else OTHERS, 1 if options.quick else AGAIN):
        if row.candidate in had:
            continue
        ions, chgnet = both.of(row.candidate)
        value, deviation = (float(item) for item in corrected[row.candidate])
        found = {"candidate": row.candidate, "atoms": row.atoms, "table": row.computed, "ions": ions, "label": row.label}
        found |= {"chgnet": chgnet, "corrected": value, "deviation": deviation}
        result["rows"].append(found)
        write_json(options.out, result)
        print(json.dumps(found), flush=True)
    last = lowest_labelled(table)[spec.lowest - 1].label
    assert last is not None
    result["summary"] = judgement([row for row in result["rows"] if row["label"] is None], state, last)
    write_json(options.out, result | {"provenance": describe_machine()})
    print(json.dumps(result["summary"], indent=2))


if __name__ == "__main__":
    main()

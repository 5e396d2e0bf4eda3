"""``python -m benchmarks.potential --out result.json``: a network potential of aluminium against scans it never saw.

Crystals of aluminium (fcc, bcc, hcp, diamond) stretched, sheared, rattled and with vacancies; of each kind of scan some are
held out whole (``al.yaml`` says which), because structures of one scan are neighbours. A committee of networks learns energies
and forces of the others and predicts crystals, twins, a vacancy and ten picoseconds of dynamics. It is compared with: a
committee on bispectrum components, which LAMMPS runs too; a committee that is tested on a fifth of each scan, that is by
interpolation; fewer data; other trainers on the same data; the two curves of the report by Matsunaga, on energies alone
(conjugate gradients alone and with annealing; growing data with and without the previous weights); kernel ridge regression on
SOAP; a linear model of bispectrum components; and CHGNet, pretrained and trained further.

The data are the shipped ones of density-functional theory, or (``--source embedded_atom``) those of an embedded-atom
potential for the same structures, which measure how well the method learns but are not accurate for aluminium. The file is
written after each part, and a part that is in the file for the same data and settings is not computed again; `parts` has the
time of each.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.command import begun, command
from benchmarks.potential.chgnet_peer import chgnet
from benchmarks.potential.crystal import ALUMINIUM
from benchmarks.potential.data import EMBEDDED_ATOM, HERE, Sides, aluminium, in_turn, origin, sides
from benchmarks.potential.defects import DEFECTS, SHIPPED, defect, lattice_parameter
from benchmarks.potential.dynamics import REPEAT, at_constant_energy, crystal, exported
from benchmarks.potential.figure import draw
from benchmarks.potential.fits import FORCES, TO_THE_END, fit, judged, known_scans, report
from benchmarks.potential.peers import bispectrum_ridge, kernel_ridge
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import Example
from tansaku.models.surrogates.files import write_weights
from tansaku.potentials.engine import PotentialCalculator, open_potential
from tansaku.potentials.network.model import Potential
from tansaku.potentials.specs.calculator import PotentialCalculatorSpec
from tansaku.potentials.specs.network import PotentialSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

TRAINERS = {
    "conjugate_gradient": {"cycles": 12, "iterations": 50},
    "annealed": {"cycles": 10, "iterations": 100, "moves": 100},
    "lbfgs": {"cycles": 90, "iterations": 20},
    "adam": {"cycles": 80, "epochs": 5},
    "levenberg_marquardt": {"cycles": 100},
}
"""Each about as long as the others."""
REPORT = {
    "conjugate_gradient": {"cycles": 160, "iterations": 50},
    "annealed": {"cycles": 40, "iterations": 125, "moves": 200},
    "levenberg_marquardt": {"cycles": 40},
}
"""Both kinds of conjugate gradients take about as long: a move is cheaper than a direction."""
WARM = {"cycles": 5, "iterations": 125, "moves": 200}
QUICK_TRAINERS = {
    "conjugate_gradient": {"cycles": 3, "iterations": 3},
    "annealed": {"cycles": 3, "iterations": 3, "moves": 3},
    "lbfgs": {"cycles": 3, "iterations": 3},
    "adam": {"cycles": 3, "epochs": 3},
    "levenberg_marquardt": {"cycles": 3},
}
ENERGIES_ALONE: JsonDict = {"force_weight": 0.0, "softening": None}
COMPARED = 400
"""Structures on which trainers are compared."""
QUICK_COMPARED = 20
"""The same of a quick run, for both comparisons."""
REPORTED = 300
"""Number of energies of the report's first curve."""
SIZES: JsonDict = {"structures": [50, 100, 200, 400], "cycles": 150}
GROWING = [200, 400, 600, 1000]
EPOCHS = 20
"""Passes of CHGNet's own trainer."""
SETTINGS: JsonDict = {
    "forces": FORCES,
    "committee": TO_THE_END,
    "sizes": SIZES,
    "trainers": {"structures": COMPARED} | TRAINERS,
    "report": {"structures": REPORTED} | REPORT,
    "warm": {"structures": GROWING, "annealed": WARM},
    "chgnet_epochs": EPOCHS,
}
"""Settings of a run that is not quick; the parts of a file are of the same settings."""


def main() -> None:
    """Trains, compares and writes the result."""
    quick = "few structures, short trainings, one peer"
    parser = command("potential", __doc__, quick=quick, figure="parity, learning curves, trainers, and other methods")
    parser.add_argument("--source", choices=("gpaw", "embedded_atom"), default="gpaw")
    parser.add_argument("--models", type=Path, help="existing folder in which both committees are kept")
    given = parser.parse_args()
    same: JsonDict = {"schema_version": 1, "source": given.source, "quick": given.quick}
    result = begun(given.out, same | {"data": origin(given.source), "settings": SETTINGS}, parts={})
    both = sides(given.source)
    scans = ALUMINIUM.of([*both.training, *both.held_out])
    if given.quick:
        both = Sides(both.first(40), both.held_out[::12])
    with tempfile.TemporaryDirectory() as folder:
        study = Study(both, scans, given.models or Path(folder), quick=given.quick)
        for name, part in study.parts().items():
            if name in result["parts"]:
                continue
            began, processor = time.perf_counter(), time.process_time()
            result |= part() | {"provenance": describe_machine()}
            result["parts"][name] = {
                "seconds": time.perf_counter() - began,
                "processor_seconds": time.process_time() - processor,
            }
            write_json(given.out, result)
    if not given.quick:
        result["crystal"]["computed"] |= known_defects(given.source)
        write_json(given.out, result)
    if given.figure is not None:
        draw(result, given.figure)


class Study:
    """The parts of the experiment.

    Args:
        both: Data.
        scans: Scans of crystals, from which constants are computed.
        models: Folder for trained committees.
        quick: Small versions of all parts.
    """

    def __init__(self, both: Sides, scans: Sequence[Example], models: Path, *, quick: bool) -> None:
        self._both, self._scans, self._models, self._quick = both, scans, models, quick

    def parts(self) -> Mapping[str, Callable[[], JsonDict]]:
        """Each gives keys of the result."""
        return {
            "network": self.network,
            "bispectrum": self.bispectrum,
            "known_scans": self.known_scans,
            "sizes": self.sizes,
            "trainers": self.trainers,
            "report": self.report,
            "warm": self.warm,
            "peers": self.peers,
        }

    def network(self) -> JsonDict:
        """The main committee, on symmetry functions."""
        found, file = self._committee("al-symmetry", {})
        if not self._quick:
            potential = PotentialCalculator(PotentialCalculatorSpec(model=file.name), file.parent)
            found["crystal"]["predicted"] |= _defects(potential)
            found["motion"] = at_constant_energy(open_potential(file))
        print(f"crystal: {json.dumps({side: found['crystal'][side] for side in ('computed', 'predicted')})}", flush=True)
        return found

    def bispectrum(self) -> JsonDict:
        """A committee that LAMMPS runs too."""
        found, file = self._committee(
            "al-bispectrum", {"environment": {"type": "bispectrum", "degree": 4 if self._quick else 8}}
        )
        found["in_lammps"] = exported(file, crystal(REPEAT), 10 if self._quick else 1000).document()
        return {"bispectrum": found}

    def known_scans(self) -> JsonDict:
        """A committee like the first, tested on structures between those of its training."""
        found = known_scans(self._spec({}), self._both.training)
        print(f"known scans: {json.dumps(found['held_out'])}", flush=True)
        return {"known_scans": found}

    def sizes(self) -> JsonDict:
        """One network and fewer data."""
        sizes = [20, 40] if self._quick else [*SIZES["structures"], len(self._both.training)]
        trainer = {"type": "levenberg_marquardt", "cycles": 12 if self._quick else SIZES["cycles"]}
        return {"sizes": [self._single(self._both.first(size), trainer, patience=1000) for size in sizes]}

    def trainers(self) -> JsonDict:
        """The same network and data, other trainers."""
        chosen = QUICK_TRAINERS if self._quick else TRAINERS
        training = self._both.first(QUICK_COMPARED if self._quick else COMPARED)
        return {
            "trainers": {name: self._single(training, {"type": name} | keys, patience=1000) for name, keys in chosen.items()}
        }

    def report(self) -> JsonDict:
        """Energies alone: conjugate gradients with and without annealing, and least squares."""
        chosen = {name: QUICK_TRAINERS[name] for name in REPORT} if self._quick else REPORT
        training, alone = self._both.first(QUICK_COMPARED if self._quick else REPORTED), {"patience": 1000} | ENERGIES_ALONE
        return {"report": {name: self._single(training, {"type": name} | keys, **alone) for name, keys in chosen.items()}}

    def warm(self) -> JsonDict:
        """Energies alone: the data grow, and training continues with its weights, or starts from random ones.

        Nothing is held out: the report's curve has training errors.
        """
        found: dict[str, list[JsonDict]] = {"warm": [], "cold": []}
        everything = in_turn([*self._both.training, *self._both.held_out])
        trainer = {"type": "annealed"} | (QUICK_TRAINERS["annealed"] if self._quick else WARM)
        spec = _alone(trainer, patience=1000, **ENERGIES_ALONE)
        model: Potential | None = None
        for size in (20, 40) if self._quick else GROWING:
            cold = fit(spec, everything[:size])
            warm = cold if model is None else fit(spec, everything[:size], model)
            model = warm.model
            for kind, fitted in (("warm", warm), ("cold", cold)):
                found[kind].append(fitted.document())
                print(f"{kind} start, {size} structures: {fitted.curve[-1][1]:.2f} meV/atom", flush=True)
        return {"warm": found}

    def peers(self) -> JsonDict:
        """Other methods, the same data."""
        both, weight = self._both, FORCES["force_weight"]
        found = {"bispectrum_ridge": bispectrum_ridge(both.training, both.held_out, weight, 4 if self._quick else 8)}
        if not self._quick:
            found["kernel_ridge"] = kernel_ridge(both.training, both.held_out)
            found |= chgnet(both.training, both.held_out, EPOCHS)
        for name, item in found.items():
            print(f"{name}: {json.dumps(item)}", flush=True)
        return {"peers": found}

    def _committee(self, name: str, keys: JsonDict) -> tuple[JsonDict, Path]:
        fitted = fit(self._spec(keys), self._both.training)
        found = report(fitted, self._both.held_out, ALUMINIUM, self._scans)
        print(f"{name}, {fitted.seconds:.0f} s: {json.dumps(found['held_out'])}", flush=True)
        return found, write_weights(fitted.model.weights(), self._models / f"{name}.safetensors")

    def _spec(self, keys: JsonDict) -> PotentialSpec:
        few = {"members": 2, "trainer": {"type": "levenberg_marquardt", "cycles": 12}}
        return PotentialSpec.model_validate(FORCES | keys | (few if self._quick else TO_THE_END))

    def _single(self, training: Sequence[Example], trainer: JsonDict, **keys: object) -> JsonDict:
        fitted = fit(_alone(trainer, **(FORCES | keys)), training)
        errors = judged(self._both.held_out, fitted.model.predict(self._both.held_out))
        print(f"{trainer['type']}, {len(training)} structures, {fitted.seconds:.0f} s: {json.dumps(errors)}", flush=True)
        return fitted.document() | {"trainer": trainer, "held_out": errors}


def known_defects(source: str) -> JsonDict:
    """Energies of twins and a vacancy at the data's level of theory, as far as they are known.

    Read again in every run, because the calculations of defects may end hours after those of the data.

    Args:
        source: Of the data.
    """
    if source == "embedded_atom":
        return _defects(open_calculator(EMBEDDED_ATOM, HERE))
    return {name: item["value"] for name, item in json.loads(SHIPPED.read_text())["defects"].items()}


def _defects(calculator: Calculator) -> JsonDict:
    lattice = lattice_parameter(calculator, aluminium()[0])
    return {name: defect(name, calculator, lattice) for name in DEFECTS}


def _alone(trainer: JsonDict, **keys: object) -> PotentialSpec:
    """One network, every structure counting once."""
    return PotentialSpec.model_validate({"members": 1, "bootstrap": False, "trainer": trainer} | keys)


if __name__ == "__main__":
    main()

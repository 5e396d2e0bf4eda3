"""``python -m benchmarks.potential --out result.json``: a network potential of aluminium against scans it never saw.

Crystals of aluminium (fcc, bcc, hcp, diamond) stretched, sheared, rattled and with vacancies; of each kind of scan some are
held out whole (``al.yaml`` says which), because structures of one scan are neighbours. A committee of networks learns energies
and forces of the others. Beside it: fewer data; other trainers, for the same data; the two curves of Matsunaga's report
(conjugate gradients alone, and with annealing; and the data growing with the weights kept), of energies alone; what crystals,
twins and a vacancy come to; kernel ridge regression on SOAP, a linear model of bispectrum components, and CHGNet, a package's
network, as it comes and trained on.

The data are those of density-functional theory where ``al.extxyz.gz`` is beside this file, else of an embedded-atom potential
for the same structures: the numbers then say how well the method learns, and nothing of aluminium.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import command
from benchmarks.potential.crystal import ALUMINIUM, constants
from benchmarks.potential.data import DATA, EMBEDDED_ATOM, HERE, Sides, sides
from benchmarks.potential.defects import DEFECTS, SHIPPED, defect
from benchmarks.potential.figure import draw
from benchmarks.potential.fits import Fitted, fit, judged, parity
from benchmarks.potential.peers import bispectrum_ridge, kernel_ridge
from benchmarks.potential.universal import chgnet
from tansaku.calculators.engines.network_potential import PotentialCalculator
from tansaku.calculators.registry import open_calculator
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculator import PotentialCalculatorSpec
from tansaku.models.domain.specs.network_potential import PotentialSpec
from tansaku.models.domain.surrogates import Example
from tansaku.models.surrogates.files import write_weights
from tansaku.models.surrogates.potential.model import Potential
from tansaku.tasks.machine import describe_machine

TRAINERS = {
    "conjugate_gradient": {"cycles": 12, "iterations": 50},
    "annealed": {"cycles": 6, "iterations": 80, "moves": 80},
    "lbfgs": {"cycles": 30, "iterations": 20},
    "adam": {"cycles": 20, "epochs": 5},
    "levenberg_marquardt": {"cycles": 60},
}
REPORT = {
    "conjugate_gradient": {"cycles": 100, "iterations": 50},
    "annealed": {"cycles": 40, "iterations": 125, "moves": 200},
    "levenberg_marquardt": {"cycles": 40},
}
WARM = {"cycles": 8, "iterations": 125, "moves": 200}
QUICK_TRAINERS = {
    name: {"cycles": 3} | ({} if name == "levenberg_marquardt" else {"epochs" if name == "adam" else "iterations": 3})
    for name in TRAINERS
}
COMPARED = 400
"""Structures that trainers are compared on."""
REPORTED = 500
"""Energies that the report's first curve is of."""
GROWING = (200, 400, 600, 1000)
EPOCHS = 20
"""Passes of CHGNet's own trainer."""


def main() -> None:
    """Trains, compares and writes what came out."""
    quick = "few structures, short trainings, one peer"
    parser = command("potential", __doc__, quick=quick, figure="parity, learning curves, trainers, and other methods")
    parser.add_argument("--source", choices=("gpaw", "embedded_atom"), default="gpaw" if DATA.is_file() else "embedded_atom")
    given = parser.parse_args()
    both = sides(given.source)
    scans = ALUMINIUM.of([*both.training, *both.held_out])
    if given.quick:
        both = Sides(both.first(40), both.held_out[::12])
    study = Study(both, scans, quick=given.quick)
    committee = study.committee()
    predictions = committee.model.predict(both.held_out)
    errors = judged(both.held_out, predictions)
    print(f"committee: {json.dumps(errors)}", flush=True)
    result = {
        "schema_version": 1,
        "source": given.source,
        "quick": given.quick,
        "energy_rmse_mev_per_atom": errors["energy_rmse_mev_per_atom"],
        "force_rmse_mev_per_angstrom": errors["force_rmse_mev_per_angstrom"],
        "seconds": committee.seconds,
        "training": committee.document(),
        "held_out": errors,
        "parity": parity(both.held_out, predictions),
        "crystal": study.crystal(committee.model, given.source),
        "sizes": study.sizes(),
        "trainers": study.trainers(),
        "report": study.report(),
        "warm": study.warm(),
        "peers": study.peers(),
        "data": _origin(given.source),
        "provenance": describe_machine(),
    }
    given.out.write_text(json.dumps(result) + "\n")
    if given.figure is not None:
        draw(result, given.figure)


class Study:
    """The parts of the experiment.

    Args:
        both: Data.
        scans: Of crystals, from which constants are taken.
        quick: Little of everything.
    """

    def __init__(self, both: Sides, scans: Sequence[Example], *, quick: bool) -> None:
        self._both, self._scans, self._quick = both, scans, quick

    def committee(self) -> Fitted:
        """The potential that is judged."""
        keys = {"members": 2, "trainer": {"type": "levenberg_marquardt", "cycles": 12}} if self._quick else {}
        return fit(PotentialSpec.model_validate(keys), self._both.training)

    def sizes(self) -> list[JsonDict]:
        """One network and fewer data."""
        sizes = (20, 40) if self._quick else (50, 100, 200, 400, len(self._both.training))
        return [self._one(self._both.first(size), {"cycles": 12 if self._quick else 60}) for size in sizes]

    def trainers(self) -> JsonDict:
        """The same network and data, other trainers."""
        chosen = QUICK_TRAINERS if self._quick else TRAINERS
        return {
            name: self._one(self._both.first(COMPARED), {"type": name} | keys, patience=1000) for name, keys in chosen.items()
        }

    def report(self) -> JsonDict:
        """Energies alone: conjugate gradients with and without annealing, and least squares."""
        chosen = {name: QUICK_TRAINERS[name] for name in REPORT} if self._quick else REPORT
        training = self._both.first(REPORTED)
        return {
            name: self._one(training, {"type": name} | keys, patience=1000, force_weight=0.0) for name, keys in chosen.items()
        }

    def warm(self) -> list[JsonDict]:
        """Energies alone: the data grow, and training goes on with the weights that it had."""
        found: list[JsonDict] = []
        model: Potential | None = None
        keys = {"type": "annealed"} | (QUICK_TRAINERS["annealed"] if self._quick else WARM)
        for size in (20, 40) if self._quick else GROWING:
            fitted = fit(_alone(keys, force_weight=0.0, patience=1000), self._both.first(size), model)
            model = fitted.model
            found.append(fitted.document())
            print(f"warm start, {size} structures: {fitted.curve[-1][1]:.2f} meV/atom", flush=True)
        return found

    def peers(self) -> JsonDict:
        """Other methods, the same data."""
        both, weight = self._both, PotentialSpec().force_weight
        found = {"bispectrum_ridge": bispectrum_ridge(both.training, both.held_out, weight, 4 if self._quick else 8)}
        if not self._quick:
            found["kernel_ridge"] = kernel_ridge(both.training, both.held_out)
            found |= chgnet(both.training, both.held_out, EPOCHS)
        for name, one in found.items():
            print(f"{name}: {json.dumps(one)}", flush=True)
        return found

    def crystal(self, model: Potential, source: str) -> JsonDict:
        """What scans and defects come to, by the source and by the network."""
        scans = self._scans
        predicted = {one.id: float(said["energy"].values) for one, said in zip(scans, model.predict(scans), strict=True)}
        computed = constants(ALUMINIUM, scans, lambda one: float(one.properties["energy"]))
        found = {"computed": computed, "predicted": constants(ALUMINIUM, scans, lambda one: predicted[one.id])}
        if self._quick:
            return found
        with tempfile.TemporaryDirectory() as folder:
            file = write_weights(model.weights(), Path(folder, "al.safetensors"))
            calculator = PotentialCalculator(PotentialCalculatorSpec(model=file.name), Path(folder))
            lattice = found["predicted"]["lattice_parameter"]
            found["predicted"] |= {name: defect(name, calculator, lattice) for name in DEFECTS}
        if source == "embedded_atom":
            other = open_calculator(EMBEDDED_ATOM, HERE)
            found["computed"] |= {name: defect(name, other, computed["lattice_parameter"]) for name in DEFECTS}
        elif SHIPPED.is_file():
            found["computed"] |= {name: one["value"] for name, one in json.loads(SHIPPED.read_text())["defects"].items()}
        print(f"crystal: {json.dumps(found)}", flush=True)
        return found

    def _one(self, training: Sequence[Example], trainer: JsonDict, **keys: object) -> JsonDict:
        fitted = fit(_alone(trainer, **keys), training)
        errors = judged(self._both.held_out, fitted.model.predict(self._both.held_out))
        print(f"{trainer.get('type', '')} {len(training)} structures, {fitted.seconds:.0f} s: {json.dumps(errors)}", flush=True)
        return fitted.document() | {"held_out": errors}


def _origin(source: str) -> JsonDict:
    if source == "gpaw":
        return {"file": DATA.name, "sha256": file_sha256(DATA)}
    return {"potential": EMBEDDED_ATOM.potential}


def _alone(trainer: JsonDict, **keys: object) -> PotentialSpec:
    """One network, every structure counting once."""
    given = {"type": "levenberg_marquardt"} | trainer
    return PotentialSpec.model_validate({"members": 1, "bootstrap": False, "trainer": given} | keys)


if __name__ == "__main__":
    main()

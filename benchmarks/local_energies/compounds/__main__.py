"""``python -m benchmarks.local_energies.compounds --out result.json``: atomic energies at large boundaries of MgO.

Trained on tilt boundaries of MgO up to Σ 21, tested on all larger ones up to Σ 41. The structures are local minima of rigid
ions with Buckingham potentials; predicted are the energies of the atoms by this potential (``buckingham``: half of each pair's
energy, and of the energy in the field of all charges, is an ion's) and by CHGNet for the same structures (``chgnet``). The data
lie beside this file; ``mgo-tilt.yaml`` is what `tansaku dataset build` made them from. Reported for each element, of the atoms
within 6 Å of a boundary plane and less the energy of the same element's atom in the perfect crystal: correlation ``r`` and
errors; and the error of the boundary energy that follows from the predicted energies of atoms. An interrupted run continues
from its result file.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.command import begun, command, figure_file, results
from benchmarks.local_energies.compounds.cases import DATA, DESCRIPTORS, ENERGIES, NEAR, Case, run
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

_NAMES = {"buckingham": "Buckingham", "chgnet": "CHGNet"}
_COLOURS = {"Mg": MAIN, "O": ACCENT}


def cases(*, quick: bool) -> list[Case]:
    """All fits; quickly, radial functions on the first structure of each boundary."""
    if quick:
        return [Case(energies, "radial", 1) for energies in ENERGIES]
    return [Case(energies, descriptors) for descriptors in DESCRIPTORS for energies in ENERGIES]


def draw(shown: dict[str, JsonDict], path: Path) -> None:
    """Parity of the energies of atoms within each element, and of boundary energies, by source."""
    with figure_file(path, 9.6, 7.2) as figure:
        for row, (energies, fit) in zip(figure.subplots(2, 2), shown.items(), strict=True):
            atoms, boundaries = row
            for symbol, (computed, predicted) in fit["parity"].items():
                said = f"{symbol}, r = {fit['elements'][symbol]['r']:.3f}"
                atoms.plot(computed, predicted, "o", ms=2, mew=0, color=_COLOURS[symbol], label=said, rasterized=True)
            atoms.axline((0, 0), slope=1, color=FAINT, lw=0.8)
            atoms.set(xlabel=f"atomic energy less the crystal's, {_NAMES[energies]} [eV]", ylabel="predicted [eV]")
            atoms.legend()
            found = fit["boundary_energy"]
            boundaries.axline((0, 0), slope=1, color=FAINT, lw=0.8)
            boundaries.plot(found["computed"], found["predicted"], "o", ms=4, mew=0, color=MAIN)
            boundaries.set(xlabel=f"boundary energy, {_NAMES[energies]} [mJ/m²]", ylabel="predicted [mJ/m²]")
            low, high = min(found["computed"] + found["predicted"]), max(found["computed"] + found["predicted"])
            boundaries.set(xlim=(0.95 * low, 1.02 * high), ylim=(0.95 * low, 1.02 * high))


def main() -> None:
    """Fits everything and writes the result."""
    quick = "radial functions alone, one structure of each boundary"
    figure = "parity of energies of atoms and of boundaries"
    given = command("local_energies.compounds", __doc__, quick=quick, figure=figure, jobs="fits").parse_args()
    same = {"schema_version": 1, "within": NEAR, "data": {"file": DATA.name, "sha256": file_sha256(DATA)}}
    found = begun(given.out, same, fits=[])
    done = [(fit["energies"], fit["descriptors"]) for fit in found["fits"]]
    left = [case for case in cases(quick=given.quick) if (case.energies, case.descriptors) not in done]
    for fit in results(run, left, given.jobs):
        found["fits"].append(fit)
        _say(fit)
        write_json(given.out, found)
    shown = {energies: chosen(found["fits"], energies) for energies in ENERGIES}
    found["r"] = {
        energies: {symbol: errors["r"] for symbol, errors in fit["elements"].items()} for energies, fit in shown.items()
    }
    write_json(given.out, found | {"provenance": describe_machine()})
    if given.figure is not None:
        draw(shown, given.figure)


def chosen(fits: list[JsonDict], energies: str) -> JsonDict:
    """The fit of a source whose error on left-out boundaries of the training is smallest."""
    return min((fit for fit in fits if fit["energies"] == energies), key=lambda fit: float(fit["chosen"]["left_out_rmse"]))


def _say(fit: JsonDict) -> None:
    atoms = ", ".join(
        f"{symbol} r {errors['r']:.3f}, RMSE {errors['rmse_mev']:.0f} meV" for symbol, errors in fit["elements"].items()
    )
    every = fit["boundary_energy"]["all"]
    print(
        f"{fit['energies']:<11}{fit['descriptors']:<7} {atoms}; boundary energy off by {every['mean_error_percent']:.1f} % "
        f"({every['rmse_mj_per_m2']:.0f} mJ/m2), {fit['seconds']:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()

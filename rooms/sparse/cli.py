"""`tansaku sparse`: sparse models of tables (few columns), spectra (peaks), signals (oscillations) and EXAFS (shells).

The commands are in `rooms/sparse/tasks`: `search.py` (`search_command.py` reads the table and writes the report), `purchase.py`
(`next`), `spectrum.py`, `modes.py` and `exafs.py`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tansaku.deploy.cli.printing import say, say_progress
from tansaku.deploy.cli.tables import show_json, show_table

if TYPE_CHECKING:
    from tansaku.models.domain.records import JsonDict

sparse_app = typer.Typer(name="sparse", help="Sparse models: few columns, peaks, oscillations or shells.", no_args_is_help=True)

_SHOWN = 5
_SECONDS = 0.5  # between two reports of progress
_SHELL = ("element", "distance", "displacement", "atoms", "atoms_low", "atoms_high", "probability")
_LIKELY = 0.01  # probability of another number from which on it is named


@sparse_app.callback()
def _sparse() -> None:
    """Sparse models: few columns, peaks, oscillations or shells."""
    from tansaku.tasks.ground.settings import limit_threads

    limit_threads()


@sparse_app.command()
def search(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file with a header.")],
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="Column to explain; two values: classes.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the report; created.")],
    max_features: Annotated[
        int, typer.Option("--max-features", min=1, help="Most columns of a model beside required ones.")
    ] = 3,
    criterion: Annotated[str, typer.Option(help="free_energy, cv, bic, ebic; of classes also svm.")] = "free_energy",
    method: Annotated[str, typer.Option(help="exhaustive, sampled, or auto: by the number of supports.")] = "auto",
    without: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Leave a column out; may be repeated.")] = None,
    must_contain: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A column of every model.")] = None,
    group: Annotated[list[str] | None, typer.Option(metavar="NAME,NAME", help="Columns used together or not at all.")] = None,
    price: Annotated[list[str] | None, typer.Option(metavar="NAME=PRICE", help="Price of a column; 1 otherwise.")] = None,
    generate: Annotated[
        str, typer.Option(metavar="KINDS", help="Generate columns: product, ratio, log, square, root, inverse; by commas.")
    ] = "",
    keep: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Use a column that looks like the target.")] = None,
    drop_rows: Annotated[bool, typer.Option("--drop-rows", help="Leave out rows with missing values.")] = False,
    resamples: Annotated[int, typer.Option(min=0, help="Number of resampled tables.")] = 20,
    repeats: Annotated[int, typer.Option(min=0, help="Number of virtual data sets of each size.")] = 20,
    steps: Annotated[int, typer.Option(min=200, help="Steps of a sampled search.")] = 5000,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Searches or parts of one at once.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Searches all, or a sample of all, small sets of columns; writes report.html, report.json and figures."""
    from tansaku.sparse.tasks.search_command import Options, run
    from tansaku.sparse.tasks.table_file import Wanted
    from tansaku.tasks.node.jobs.spool_files import writing_to

    wanted = Wanted(target, tuple(without or ()), tuple(keep or ()), drop_rows=drop_rows)
    options = Options(
        wanted, max_features, criterion, method, tuple(must_contain or ()), tuple(group or ()), tuple(price or ()), generate,
        resamples, repeats, steps, seed,
    )  # fmt: skip
    with writing_to(out):
        data = run(file, out, options, jobs, _Bar(), lambda text: say(text, err=True))
    if as_json:
        show_json(data)
        return
    rows = [
        (", ".join(model["columns"]) or "(none)", model["energy"], model["probability"]) for model in data["models"][:_SHOWN]
    ]
    show_table(("columns", "energy", "probability"), rows, f"best models of {target}")
    say(str(out / "report.html"))


@sparse_app.command("next")
def next_purchase(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV file with a header; empty cells are not measured yet.")],
    target: Annotated[str, typer.Option("--target", metavar="NAME", help="Column of the values.")],
    price: Annotated[list[str] | None, typer.Option(metavar="NAME=PRICE", help="Price of an empty cell of a column.")] = None,
    value_price: Annotated[float, typer.Option("--value-price", metavar="PRICE", help="Price of a value.")] = 1.0,
    name: Annotated[str, typer.Option("--id", metavar="NAME", help="Column that names the rows.")] = "",
    maximize: Annotated[bool, typer.Option("--maximize", help="High values are wanted.")] = False,
    without: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Leave a column out; may be repeated.")] = None,
    max_features: Annotated[int, typer.Option("--max-features", min=1, max=6, help="Most columns of a model.")] = 3,
    most: Annotated[int, typer.Option(min=1, help="How many are shown.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Ranks what to measure next: the value of a row, or a column of some rows, by expected gain per price."""
    from tansaku.sparse.tasks.purchase import Shop, offers

    shop = Shop(target, tuple(price or ()), value_price, name, maximize, tuple(without or ()), max_features)
    found = offers(file, shop)[:most]
    if as_json:
        show_json(found)
        return
    rows = [(item["measure"], ", ".join(item["rows"]), item["price"], item["gain"], item["per_price"]) for item in found]
    show_table(("measure", "of", "price", "gain", "gain per price"), rows, f"what to measure next for {target}")


@sparse_app.command()
def spectrum(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Text files: position, intensity, and perhaps its deviation.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the report; created.")],
    shape: Annotated[str, typer.Option(help="gaussian, lorentzian or pseudo_voigt.")] = "gaussian",
    max_peaks: Annotated[int, typer.Option("--max-peaks", min=1, max=40, help="Largest number of peaks.")] = 8,
    background: Annotated[int, typer.Option(min=0, max=10, help="Degree of the polynomial background.")] = 1,
    widths: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="Smallest and largest full width at half maximum; by default from the spacing."),
    ] = None,
    signed: Annotated[bool, typer.Option("--signed", help="Allow negative peaks.")] = False,
    steps: Annotated[int, typer.Option(min=0, help="Steps of the sampling, at least 200; 0: none.")] = 1000,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Chains at once.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Finds the peaks of spectra and how sure their number is; writes report.html, report.json, peaks.csv and figures."""
    from tansaku.sparse.models.spectra.peaks import shape_of
    from tansaku.sparse.tasks.spectrum import SpectrumSettings, run
    from tansaku.tasks.node.jobs.spool_files import writing_to

    settings = SpectrumSettings(shape_of(shape), max_peaks, background, widths, signed, steps, seed=seed)
    with writing_to(out):
        found = run(files, out, settings, jobs, _Bar())
    for data in found:
        if data["convergence"] is not None and not data["convergence"]["reached"]:
            unsure = "the sampling has not converged, so Laplace's approximation gives the number of peaks; raise --steps"
            say(f"{data['spectrum']}: {unsure}", err=True)
    if as_json:
        show_json(found)
        return
    for data in found:
        rows = [(peak["position"], peak["width"], peak["height"]) for peak in data["peaks"]]
        title = f"{data['spectrum']}: {len(rows)} peaks{_sure(data, len(rows))}, noise {data['noise']:.3g}"
        show_table(("position", "width", "height"), rows, title)
    say(str(out / ("report.html" if len(found) == 1 else "features.csv")))


@sparse_app.command()
def modes(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Text: time and channels; .npz: time, values; or a trajectory.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the report; created.")],
    max_modes: Annotated[int, typer.Option("--max-modes", min=1, max=100, help="Most oscillations and decays.")] = 6,
    rank: Annotated[int, typer.Option(min=0, help="Modes of the decomposition to choose from; 0: by the data.")] = 0,
    delays: Annotated[int, typer.Option(min=0, help="Delays of the Hankel matrix; 1: none; 0: by the data.")] = 0,
    method: Annotated[str, typer.Option(help="exhaustive, greedy, sampled, or auto: by the number of sets.")] = "auto",
    time_step: Annotated[float | None, typer.Option(metavar="TIME", help="Between two frames of a trajectory.")] = None,
    steps: Annotated[int, typer.Option(min=200, help="Steps of a sampled search.")] = 1000,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Chains at once.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Finds the damped oscillations of a signal, a field or a trajectory; writes report.html, report.json and figures."""
    from tansaku.sparse.tasks.modes import ModeSettings, run
    from tansaku.tasks.node.jobs.spool_files import writing_to

    settings = ModeSettings(max_modes, rank, delays, method, steps, seed)
    with writing_to(out):
        data = run(file, out, time_step, settings, jobs, _Bar())
    if data["convergence"] is not None and not data["convergence"]["reached"]:
        say("the sampling has not converged: probabilities of candidates are not reliable; raise --steps", err=True)
    if as_json:
        show_json(data)
        return
    rows = [(row["frequency"], row["damping"], row["amplitude"], row["phase"]) for row in data["modes"]]
    title = f"{data['snapshots']}: {len(rows)} oscillations and decays{_sure(data, len(rows))}, noise {data['noise']:.3g}"
    show_table(("frequency", "damping", "amplitude", "phase"), rows, title)
    say(str(out / "report.html"))


@sparse_app.command()
def exafs(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Text files: energy and absorption, or wavenumber and chi.")
    ],
    feff: Annotated[list[Path], typer.Option("--feff", metavar="FILE", help="feffNNNN.dat of one scatterer; may be repeated.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the report; created.")],
    max_shells: Annotated[int, typer.Option("--max-shells", min=1, max=40, help="Largest number of shells.")] = 16,
    k_range: Annotated[
        tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="Wavenumbers [1/A]; by default 3 to the data's end.")
    ] = None,
    k_weight: Annotated[int, typer.Option("--k-weight", min=0, max=4, help="Power of k that multiplies the data.")] = 1,
    sill: Annotated[float, typer.Option(help="Width of the window's Hanning sills [1/A].")] = 1.0,
    background: Annotated[float, typer.Option(help="Distance up to which a smooth background is fitted [A]; 0: none.")] = 1.0,
    distances: Annotated[tuple[float, float], typer.Option(metavar="LOW HIGH", help="Of shells [A].")] = (1.5, 10.0),
    displacements: Annotated[tuple[float, float], typer.Option(metavar="LOW HIGH", help="Mean squares [A^2].")] = (0.002, 0.03),
    energy_shifts: Annotated[tuple[float, float], typer.Option(metavar="LOW HIGH", help="Shift of the energy zero, in eV.")] = (
        -15.0,
        15.0,
    ),
    s02: Annotated[float, typer.Option(help="S0^2, by which numbers of atoms are divided.")] = 1.0,
    steps: Annotated[int, typer.Option(min=200, help="Steps of each walker that samples the posterior.")] = 16000,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers.")] = 0,
    columns: Annotated[tuple[int, int], typer.Option(metavar="X Y", help="Columns of the file, from 1.")] = (1, 2),
    edge: Annotated[
        float | None, typer.Option(metavar="ENERGY", help="Energy in eV at which k is 0; default: the steepest rise.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Files at once.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Finds the shells of atoms around an absorber, without a model of the structure; writes report.html and others."""
    from tansaku.sparse.models.exafs.shells import Bounds
    from tansaku.sparse.models.exafs.signal import Choice
    from tansaku.sparse.tasks.exafs import ExafsFiles, ExafsSettings, run
    from tansaku.sparse.tasks.exafs_file import Reading
    from tansaku.tasks.node.jobs.spool_files import writing_to

    low, high = k_range or (3.0, None)
    choice = Choice(low, high, k_weight, sill, background)
    settings = ExafsSettings(choice, Bounds(distances, displacements, energy_shifts), max_shells, s02, steps, seed)
    with writing_to(out):
        found = run(ExafsFiles(files, feff, out), Reading(columns, edge), settings, jobs, _Bar())
    for data in found:
        for note in data["notes"]:
            say(note if len(found) == 1 else f"{data['spectrum']}: {note}", err=True)
    if as_json:
        show_json(found)
        return
    for data in found:
        rows = [tuple(row[name] for name in _SHELL) for row in data["shells"]]
        shift, number = f"zero of energy {data['energy_shift']:+.2f} eV", data["number_of_shells"]
        show_table(
            [name.replace("_", " ") for name in _SHELL],
            rows,
            f"{data['spectrum']}: {number} shells{_sure(data, number)}, {shift}",
        )
    say(str(out / "report.html" if len(found) == 1 else out))


def _sure(data: JsonDict, number: int) -> str:
    """Describes the probability of this number of parts, and of the next likely one if that is at least one in a hundred."""
    chances = dict(enumerate(data["number_posterior"]))
    said = f"{100 * chances.pop(number, 0.0):.0f} %"
    other = max(chances, key=lambda key: float(chances[key]), default=None)
    if other is None or chances[other] < _LIKELY:
        return f" ({said})"
    return f" ({said}; {other}: {100 * chances[other]:.0f} %)"


class _Bar:
    """Progress on one line of a terminal; into a file, a line per stage."""

    def __init__(self) -> None:
        self._last, self._stage = 0.0, ""

    def __call__(self, stage: str, share: float) -> None:
        now = time.monotonic()
        if not sys.stderr.isatty():
            if share >= 1.0 and stage != self._stage:
                self._stage = stage
                say(f"{stage}: done", err=True)
            return
        if share >= 1.0:
            say_progress()
        elif now - self._last >= _SECONDS:
            self._last = now
            done = round(30 * share)
            say_progress(f"{stage} [{'#' * done}{'.' * (30 - done)}] {100 * share:.0f} %")

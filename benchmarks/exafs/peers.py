"""Results of larch and Feff; runs with the Python of an environment that has xraylarch and imports nothing of the product.

``python peers.py make OUT.json``: runs the Feff 6 that the wheel carries on fcc copper, and writes the single-scattering fine
structure of its shells up to 10 A at 80 and 300 K, without noise, and one at 300 K with the multiple scattering of up to four
legs and 8 A. The files feffNNNN.dat stay in OUT's folder.
``python peers.py fit DATA.npz FEFF.dat``: prints the first shell that larch fits to each fine structure of DATA.
``python peers.py foil FILE FEFF.dat``: the same for an absorption spectrum (XDI), after larch's autobk.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

LATTICE = 3.615  # A
REACH = 10.5  # A
DEBYE = 315.0  # K
S02, SHIFT = 0.9, 3.0
K_RANGE, R_RANGE = (3.0, 14.0), (1.6, 3.0)


def feff(folder: Path, reach: float = REACH, legs: int = 2) -> list[Path]:
    """Runs Feff 6 on a sphere of fcc copper; the files of paths, shortest first."""
    folder.mkdir(exist_ok=True)
    bases = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))
    cells = itertools.product(range(-4, 5), repeat=3)
    points = [LATTICE * (np.array(cell) + base) for cell in cells for base in bases]
    near = sorted((float(np.linalg.norm(point)), *point.tolist()) for point in points if np.linalg.norm(point) < REACH + 0.5)
    atoms = [f"{x:.5f} {y:.5f} {z:.5f} {int(number > 0)} Cu" for number, (_, x, y, z) in enumerate(near)]
    head = ["TITLE fcc Cu", "HOLE 1 1.0", "CONTROL 1 1 1 1", "PRINT 1 0 0 3", f"RMAX {reach}", f"NLEG {legs}"]
    (folder / "feff.inp").write_text("\n".join([*head, "POTENTIALS", "0 29 Cu", "1 29 Cu", "ATOMS", *atoms, "END", ""]))
    program = Path(sys.executable).with_name("feff6l")
    subprocess.run([program, "feff.inp"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return sorted(folder.glob("feff0*.dat"))


def fine_structure(files: list[Path], temperature: float) -> dict[str, Any]:
    """The sum of paths, and each path's half length, degeneracy and mean square displacement."""
    from larch.xafs import feffpath, path2chi
    from larch.xafs.sigma2_models import sigma2_correldebye

    made: list[Any] = []
    paths = []
    for file in files:
        path = feffpath(str(file), s02=S02, e0=SHIFT)
        atoms = path._feffdat.geom
        x, y, z = (tuple(float(atom[place]) for atom in atoms) for place in (4, 5, 6))
        mass = [atom[3] for atom in atoms]
        path.sigma2 = sigma2_correldebye(len(atoms), temperature, DEBYE, path._feffdat.rnorman, x, y, z, mass)
        path2chi(path, kstep=0.05, kmax=18.0)
        made.append(path.chi)
        paths.append([round(path.reff, 4), path.degen, round(path.sigma2, 6)])
    used = path.k > 1.99
    total = np.sum(made, axis=0)
    return {
        "shells": paths,
        "k": np.round(path.k[used], 4).tolist(),
        "chi": [float(f"{value:.7g}") for value in total[used]],
    }


def make(out: Path) -> None:
    """Writes the fine structures and their parameters."""
    made: dict[str, Any] = {"lattice": LATTICE, "s02": S02, "energy_shift": SHIFT, "debye_temperature": DEBYE}
    files = feff(out.parent)
    made["temperatures"] = {str(temperature): fine_structure(files, float(temperature)) for temperature in (80, 300)}
    several = fine_structure(feff(out.parent / "several", reach=8.0, legs=4), 300.0)
    made["multiple_scattering"] = {"k": several["k"], "chi": several["chi"], "paths": len(several["shells"])}
    out.write_text(json.dumps(made) + "\n")


def first_shell(k: np.ndarray, chi: np.ndarray, file: str) -> dict[str, Any]:
    """Larch's fit of one shell in distance, as its users do it."""
    from larch import Group
    from larch.fitting import param, param_group
    from larch.xafs import feffit, feffit_dataset, feffit_transform, feffpath

    amplitude = param(0.9, vary=True, min=0.0)
    params = param_group(amp=amplitude, e0=param(0.0, vary=True), dr=param(0.0, vary=True), ss=param(0.005, vary=True, min=0.0))
    path = feffpath(file, s02="amp", e0="e0", deltar="dr", sigma2="ss")
    transform = feffit_transform(
        kmin=K_RANGE[0], kmax=K_RANGE[1], kweight=2, dk=1, window="hanning", rmin=R_RANGE[0], rmax=R_RANGE[1]
    )
    grid = np.arange(0.0, k[-1] + 1e-9, 0.05)
    data = Group(k=grid, chi=np.interp(grid, k, chi))
    begun = time.perf_counter()
    found = feffit(params, feffit_dataset(data=data, transform=transform, paths=[path]))
    seconds = time.perf_counter() - begun
    values = found.paramgroup
    return {
        "distance": path.reff + values.dr.value,
        "distance_error": values.dr.stderr,
        "displacement": values.ss.value,
        "atoms_times_s02": values.amp.value * path.degen,
        "energy_shift": values.e0.value,
        "seconds": seconds,
    }


def foil(file: Path, feff_file: str) -> dict[str, Any]:
    """The same after larch's background removal."""
    from larch import Group
    from larch.xafs import autobk, pre_edge

    columns = np.loadtxt(file)
    group = Group(energy=columns[:, 0], mu=columns[:, -1])
    pre_edge(group)
    autobk(group, rbkg=1.0, kweight=2)
    return first_shell(group.k, group.chi, feff_file) | {"edge": float(group.e0), "edge_step": float(group.edge_step)}


def main() -> None:
    """Entry of the command."""
    what, *given = sys.argv[1:]
    if what == "make":
        make(Path(given[0]).resolve())
    elif what == "fit":
        with np.load(given[0]) as held:
            print(json.dumps([first_shell(held["k"], chi, given[1]) for chi in held["chi"]]))
    else:
        print(json.dumps(foil(Path(given[0]), given[1])))


if __name__ == "__main__":
    main()

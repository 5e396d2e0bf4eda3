"""What stands for VASP in the tests, after atomate2's own way: a program that checks its inputs and leaves VASP's outputs.

The real makers, input sets, custodian and parsers start it and read what it leaves, as they would VASP's. Its numbers are
those of effective-medium theory for the structure it is given, written in the formats of VASP 6.4: INCAR, KPOINTS, POSCAR
and POTCAR come in; OUTCAR, OSZICAR, CONTCAR and vasprun.xml go out. It refuses, as VASP does, a POTCAR that does not go with
the POSCAR, and it knows only the tags that the makers here write. POTCARs are licensed: :func:`write_potcars` makes headers
without data.

Started as ``vasp_std`` in a folder. ``VASP_TEST`` in the environment says how it fails: ``crash``, ``unconverged``,
``cutoff`` (another one than it was given) or ``plain`` (VASP without the VTST tools).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.io import read
from ase.mep import NEB
from ase.optimize import BFGS
from ase.units import GPa

VERSION = "6.4.2"
ENTROPY = -0.001
"""-TS of every atom [eV]."""

ELECTRONS = {"Al": 3, "Cu": 11, "Ni": 10}
_KNOWN = {
    *("ALGO", "EDIFF", "EDIFFG", "ENCUT", "GGA", "IBRION", "IMAGES", "IOPT", "ISIF", "ISMEAR", "ISPIN", "ISYM", "LASPH"),
    *("LCHARG", "LCLIMB", "LMAXMIX", "LORBIT", "LREAL", "LWAVE", "MAGMOM", "NELM", "NSW", "POTIM", "PREC", "SIGMA", "SPRING"),
}
_INTS = ("IBRION", "IMAGES", "IOPT", "ISIF", "ISMEAR", "ISPIN", "ISYM", "LMAXMIX", "LORBIT", "NELM", "NSW")
_FLOATS = ("EDIFF", "EDIFFG", "ENCUT", "POTIM", "SIGMA", "SPRING")

POTCAR = """  PAW_PBE {symbol} 01Jan2000
   {electrons}.00000000000000
 parameters from PSCTR are:
   VRHFIN ={symbol}: a header of the tests
   LEXCH  = PE
   EATOM  =    50.0000 eV,    3.6750 Ry

   TITEL  = PAW_PBE {symbol} 01Jan2000
   LULTRA =        F    use ultrasoft PP ?
   IUNSCR =        1    unscreen: 0-lin 1-nonlin 2-no
   RPACOR =     1.500    partial core radius
   POMASS =   26.982; ZVAL   =    {electrons}.000    mass and valenz
   RCORE  =     1.900    outmost cutoff radius
   RWIGS  =     2.650; RWIGS  =    1.402    wigner-seitz radius (au A)
   ENMAX  =  240.300; ENMIN  =  180.225 eV
   ICORE  =        2    local potential
   LCOR   =        T    correct aug charges
   LPAW   =        T    paw PP
   EAUG   =  291.052
   DEXC   =    0.000
   RMAX   =    1.929    core radius for proj-oper
   RAUG   =    1.300    factor for augmentation sphere
   RDEP   =    1.993    radius for radial grids
   RDEPT  =    1.745    core radius for aug-charge

   Atomic configuration
    1 entries
     n  l   j            E        occ.
     3  0  0.50       -10.0000   2.0000
   Description
     l       E           TYP  RCUT    TYP  RCUT
     0    -10.0000000     23  1.900
END of PSCTR-controll parameters
 local part
   1.00000000000000
  0.00000000E+00  0.00000000E+00  0.00000000E+00  0.00000000E+00  0.00000000E+00
 End of Dataset
"""


def write_potcars(folder: Path, *symbols: str) -> Path:
    """Headers without data in the layout of VASP's PBE_54 release; returns the folder for ``PMG_VASP_PSP_DIR``."""
    for symbol in symbols:
        place = folder / "POT_GGA_PAW_PBE_54" / symbol
        place.mkdir(parents=True)
        (place / "POTCAR").write_text(POTCAR.format(symbol=symbol, electrons=ELECTRONS[symbol]))
    return folder


def install(folder: Path) -> Path:
    """Writes the program ``vasp_std``; returns the folder for PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "vasp_std"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P "{Path(__file__).resolve()}"\n')
    program.chmod(0o755)
    return folder


def read_incar(path: Path) -> dict:
    tags: dict = {}
    for line in path.read_text().splitlines():
        if not line.strip():
            continue
        name, _, value = (part.strip() for part in line.partition("="))
        if name not in _KNOWN:
            sys.exit(f"unknown tag {name}")
        tags[name] = int(value) if name in _INTS else float(value) if name in _FLOATS else value
    return tags


def read_grid(path: Path) -> list[int]:
    lines = path.read_text().splitlines()
    if lines[1].strip() != "0" or not lines[2].strip().lower().startswith("g"):
        sys.exit("KPOINTS: expected an automatic grid around gamma")
    return [int(word) for word in lines[3].split()]


def read_titels(path: Path, atoms: Atoms) -> list[str]:
    text = path.read_text()
    titels = [line.partition("=")[2].strip() for line in text.splitlines() if "TITEL" in line]
    kinds = list(dict.fromkeys(atoms.get_chemical_symbols()))
    if [titel.split()[1].partition("_")[0] for titel in titels] != kinds:
        sys.exit(f"POTCAR is of {titels}, POSCAR of {kinds}")
    return titels


class Step:
    """Atoms and what was computed of them."""

    def __init__(self, atoms: Atoms) -> None:
        self.atoms = atoms.copy()
        self.energy = atoms.get_potential_energy()
        self.forces = atoms.get_forces(apply_constraint=False)
        self.stress = -atoms.get_stress(voigt=False, apply_constraint=False) / GPa * 10.0

    @property
    def free(self) -> float:
        return self.energy + len(self.atoms) * ENTROPY / 2


def compute(atoms: Atoms, tags: dict) -> list[Step]:
    """Ionic steps: one, or those of a relaxation to EDIFFG."""
    atoms.calc = EMT()
    steps: list[Step] = []
    if tags.get("NSW", 0) == 0:
        return [Step(atoms)]
    if tags["IBRION"] not in (1, 2) or tags["ISIF"] not in (2, 3) or tags["EDIFFG"] >= 0:
        sys.exit("unknown kind of relaxation")
    moving = FrechetCellFilter(atoms) if tags["ISIF"] == 3 else atoms
    with BFGS(moving, logfile=os.devnull) as optimizer:
        for _ in optimizer.irun(fmax=-tags["EDIFFG"], steps=tags["NSW"] - 1):
            steps.append(Step(atoms))
    return steps


def band(folder: Path, images: int, tags: dict) -> list[list[Step]]:
    """Ionic steps of each image of a climbing band."""
    if (tags["ISIF"], tags["IBRION"], tags["IOPT"], tags["POTIM"]) != (2, 3, 1, 0.0):
        sys.exit("unknown kind of band")
    chain = [read(folder / f"{number:02}" / "POSCAR", format="vasp") for number in range(images + 2)]
    for image in chain:
        image.calc = EMT()
    climb = tags["LCLIMB"].strip(".").lower().startswith("t")
    neb = NEB(chain, climb=climb, method="improvedtangent", k=-tags["SPRING"])
    steps: list[list[Step]] = [[] for _ in range(images)]
    with BFGS(neb, logfile=os.devnull) as optimizer:
        for _ in optimizer.irun(fmax=-tags["EDIFFG"], steps=tags["NSW"] - 1):
            for image, known in zip(chain[1:-1], steps, strict=True):
                known.append(Step(image))
    return steps


def write_outputs(folder: Path, steps: list[Step], tags: dict, grid: list[int], titels: list[str]) -> None:
    electronic = tags["NELM"] if os.environ.get("VASP_TEST") == "unconverged" else 7
    last = steps[-1]
    last.atoms.write(folder / "CONTCAR", format="vasp", direct=True, vasp5=True)
    lines = ["       N       E                     dE             d eps       ncg     rms          rms(c)"]
    for number, step in enumerate(steps, start=1):
        lines += [
            f"DAV:   1    {step.free:.12E}   0.0E+00  -0.1E+00   100   0.1E-01",
            f"{number} F= {step.free:.8E} E0= {step.energy:.8E}  d E ={step.free:.6E}",
        ]
    (folder / "OSZICAR").write_text("\n".join(lines) + "\n")
    (folder / "OUTCAR").write_text(outcar(steps, tags, grid))
    (folder / "vasprun.xml").write_text(vasprun(steps, tags, grid, titels, electronic))


def outcar(steps: list[Step], tags: dict, grid: list[int]) -> str:
    atoms, electrons = steps[-1].atoms, sum(ELECTRONS[one] for one in steps[-1].atoms.get_chemical_symbols())
    dashes, points = "-" * 104, int(np.prod(grid))
    vtst = "" if os.environ.get("VASP_TEST") == "plain" or "IMAGES" not in tags else " VTST: version 4.2, (10/04/20)\n"
    head = f""" vasp.{VERSION} tests
 running on    1 total cores
{vtst}   NELM   ={tags["NELM"]:7d};   NELMIN=  2; NELMDL= -5     # of ELM steps
   ISPIN  ={tags.get("ISPIN", 1):7d}    spin polarized calculation?
   IBRION ={tags.get("IBRION", -1):7d}    ionic relax: 0-MD 1-quasi-New 2-CG
   k-points           NKPTS = {points:6d}   k-points in BZ     NKDIM = {points:6d}   number of bands    NBANDS= {electrons:6d}
   total plane-waves  NPLWV =   {1000 * len(atoms):6d}
"""
    body = ""
    for number, step in enumerate(steps, start=1):
        forces = "\n".join(
            " " + " ".join(f"{value:12.5f}" for value in place) + "  " + " ".join(f"{value:13.6f}" for value in force)
            for place, force in zip(step.atoms.positions, step.forces, strict=True)
        )
        body += f"""
--------------------------------------- Iteration {number:6d}(   7)  ---------------------------------------

 E-fermi :   7.8000     XC(G=0):  -9.0000     alpha+bet :-10.0000
 number of electron      {electrons:.7f} magnetization

  Free energy of the ion-electron system (eV)
  ---------------------------------------------------
  alpha Z        PSCENC =         0.00000000
  Ewald energy   TEWEN  =         0.00000000
  -Hartree energ DENC   =         0.00000000
  -exchange      EXHF   =         0.00000000
  -V(xc)+E(xc)   XCENC  =         0.00000000
  PAW double counting   =         0.00000000        0.00000000
  entropy T*S    EENTRO = {len(atoms) * ENTROPY:17.8f}
  eigenvalues    EBANDS =         0.00000000
  atomic energy  EATOM  =         0.00000000
  ---------------------------------------------------
  free energy    TOTEN  = {step.free:17.8f} eV

 POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
{forces}
 -----------------------------------------------------------------------------------
    total drift:                                0.000000      0.000000      0.000000

  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy   TOTEN  = {step.free:17.8f} eV

  energy  without entropy= {step.free - len(atoms) * ENTROPY:17.8f}  energy(sigma->0) = {step.energy:17.8f}
"""
    return f"""{head}
{dashes}
{body}
{dashes}
 General timing and accounting informations for this job:
                  Total CPU time used (sec):        1.000
                            User time (sec):        0.900
                          System time (sec):        0.100
                         Elapsed time (sec):        1.000
                   Maximum memory used (kb):      100000.
                   Average memory used (kb):          N/A
"""


def _rows(name: str, rows: np.ndarray, kind: str = "") -> str:
    inner = "".join(f"<v{kind}> " + " ".join(f"{value:.10f}" for value in row) + " </v>" for row in rows)
    return f'<varray name="{name}">{inner}</varray>'


def _structure(atoms: Atoms, name: str = "") -> str:
    label = f' name="{name}"' if name else ""
    reciprocal = np.linalg.inv(atoms.cell.array).T
    return (
        f'<structure{label}><crystal>{_rows("basis", atoms.cell.array)}<i name="volume"> {atoms.get_volume():.8f} </i>'
        f"{_rows('rec_basis', reciprocal)}</crystal>{_rows('positions', atoms.get_scaled_positions(wrap=False))}</structure>"
    )


def _tag(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f'<i type="logical" name="{name}"> {"T" if value else "F"} </i>'
    if isinstance(value, int):
        return f'<i type="int" name="{name}"> {value} </i>'
    if isinstance(value, float):
        return f'<i name="{name}"> {value:.8f} </i>'
    text = str(value)
    if text.strip(".").lower() in ("true", "false"):
        return f'<i type="logical" name="{name}"> {text.strip(".")[0].upper()} </i>'
    if name == "MAGMOM":
        return f'<v name="{name}"> {_spread(text)} </v>'
    return f'<i type="string" name="{name}">{escape(text)}</i>'


def _spread(moments: str) -> str:
    values: list[str] = []
    for word in moments.split():
        count, star, value = word.partition("*")
        values += [value] * int(count) if star else [word]
    return " ".join(values)


def _energy(step: Step) -> str:
    values = {"e_fr_energy": step.free, "e_wo_entrp": step.free - len(step.atoms) * ENTROPY, "e_0_energy": step.energy}
    return "<energy>" + "".join(f'<i name="{name}"> {value:.8f} </i>' for name, value in values.items()) + "</energy>"


def _electrons(n_points: int, electrons: int) -> str:
    """Flat bands, filled up to half of the electrons, and their density of states."""
    levels = [(-5.0 + band, float(band < electrons / 2)) for band in range(electrons)]
    rows = "".join(f"<r> {energy:.4f} {filled:.4f} </r>" for energy, filled in levels)
    points = "".join(f'<set comment="kpoint {number + 1}">{rows}</set>' for number in range(n_points))
    states = "".join(f"<r> {energy:.4f} 1.0000 {number:.4f} </r>" for number, (energy, _) in enumerate(levels))
    fermi = -5.0 + (electrons + 1) // 2 - 0.5
    return (
        f'<eigenvalues><array><set><set comment="spin 1">{points}</set></set></array></eigenvalues><dos>'
        f'<i name="efermi"> {fermi:.8f} </i><total><array><set><set comment="spin 1">{states}</set></set></array></total></dos>'
    )


def vasprun(steps: list[Step], tags: dict, grid: list[int], titels: list[str], electronic: int) -> str:
    atoms = steps[0].atoms
    symbols = atoms.get_chemical_symbols()
    kinds = list(dict.fromkeys(symbols))
    points = np.array(list(np.ndindex(*grid))) / np.array(grid)
    weights = np.full((len(points), 1), 1 / len(points))
    electrons = sum(ELECTRONS[one] for one in symbols)
    defaults = {"NSW": 0, "IBRION": -1, "ISPIN": 1, "LORBIT": 0, "LNONCOLLINEAR": False, "LDAU": False}
    full = defaults | {"NELECT": float(electrons)} | tags
    electrons_xml = _electrons(len(points), int(electrons))
    steps_xml = "".join(
        f"<calculation>{f'<scstep>{_energy(step)}</scstep>' * electronic}{_structure(step.atoms)}{_rows('forces', step.forces)}"
        f"{_rows('stress', step.stress)}{_energy(step)}{electrons_xml if step is steps[-1] else ''}</calculation>"
        for step in steps
    )
    numbered = "".join(f"<rc><c>{one}</c><c>{kinds.index(one) + 1}</c></rc>" for one in symbols)
    typed = "".join(
        f"<rc><c>{symbols.count(one)}</c><c>{one}</c><c>26.98</c><c>{ELECTRONS[one]}.0</c><c>{escape(titel)}</c></rc>"
        for one, titel in zip(kinds, titels, strict=True)
    )
    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
<generator><i name="program" type="string">vasp </i><i name="version" type="string">{VERSION}  </i>
<i name="subversion" type="string">tests</i><i name="platform" type="string">LinuxGNU </i></generator>
<incar>{"".join(_tag(name, value) for name, value in tags.items())}</incar>
<kpoints><generation param="Gamma"><v type="int" name="divisions"> {" ".join(map(str, grid))} </v>
<v name="usershift"> 0.0 0.0 0.0 </v></generation>{_rows("kpointlist", points)}{_rows("weights", weights)}</kpoints>
<parameters>{"".join(_tag(name, value) for name, value in full.items())}</parameters>
<atominfo><atoms> {len(atoms)} </atoms><types> {len(kinds)} </types>
<array name="atoms"><set>{numbered}</set></array><array name="atomtypes"><set>{typed}</set></array></atominfo>
{_structure(atoms, "initialpos")}
{steps_xml}
{_structure(steps[-1].atoms, "finalpos")}
</modeling>
"""


def main() -> int:
    folder = Path.cwd()
    if os.environ.get("VASP_TEST") == "crash":
        sys.stderr.write("forrtl: severe (174): SIGSEGV, segmentation fault occurred\n")
        return 174
    tags, grid = read_incar(folder / "INCAR"), read_grid(folder / "KPOINTS")
    if os.environ.get("VASP_TEST") == "cutoff":
        tags["ENCUT"] = 250.0
    if "IMAGES" in tags:
        titels = read_titels(folder / "POTCAR", read(folder / "00" / "POSCAR", format="vasp"))
        for number, steps in enumerate(band(folder, tags["IMAGES"], tags), start=1):
            write_outputs(folder / f"{number:02}", steps, tags, grid, titels)
        return 0
    atoms = read(folder / "POSCAR", format="vasp")
    write_outputs(folder, compute(atoms, tags), tags, grid, read_titels(folder / "POTCAR", atoms))
    print(" writing wavefunctions")
    return 0


if __name__ == "__main__":
    sys.exit(main())

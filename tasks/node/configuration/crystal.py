"""Checks a campaign's crystal against its calculator's before anything is computed, if that takes only seconds."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.compound_boundary import BOUNDARY_ENERGY
from tansaku.models.domain.specs.grain_boundary import CrystalSpec, LatticeParameter
from tansaku.models.domain.specs.parallel import SERIAL
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.tasks.ground.formats.yaml_text import YamlText
from tansaku.tasks.ground.settings import worker_environment
from tansaku.tasks.node.jobs import own_crystal
from tansaku.tasks.node.jobs.forked import FORKER

if TYPE_CHECKING:
    from tansaku.calculators.workflows.own_crystal import OwnCrystal

CHECK_SECONDS = 5
"""Processor time for the comparison before the first evaluation [s]; a longer one is left to the first evaluation."""

AUTO_SECONDS = 120
"""Processor time allowed for ``lattice_parameter: auto`` [s]."""

_PATIENCE = 60.0
"""Extra wall time after which a process that waits instead of computing is ended [s]."""

OWN_CRYSTAL = "own_crystal"
"""Module whose process finds a calculator's own crystal."""

_DECIMALS = 4

_SAID = 5e-4
"""Smaller errors that a misfit makes are not said [J/m^2]."""

_KNOWN = 32


def check_cell(space: SpaceSpec, calculator: CalculatorSpec | None, document: YamlText) -> None:
    """Raises ConfigurationError if a boundary's plane might get another lattice than the reference crystal."""
    planar = space.reference_crystal is not None or BOUNDARY_ENERGY in space.description.properties
    if planar and calculator is not None and calculator.relaxation.cell == "full":
        where = f"({document.source}, line {document.line(('calculator', 'relaxation', 'cell'))})"
        raise ConfigurationError(
            "calculator.relaxation.cell: full; a boundary keeps the crystal's lattice in its plane, expected fixed or normal "
            + where
        )


def resolve_crystal(space: SpaceSpec, calculator: CalculatorSpec | None, base_path: Path) -> SpaceSpec:
    """Returns the space with a number for ``lattice_parameter: auto`` and with ``strained`` set.

    Raises:
        ConfigurationError: There is no calculator to ask, it takes too long, or it has no such crystal.
    """
    given = space.reference_crystal
    if given is None:
        return space
    crystal = given.model_copy(update={"strained": bool(given.strained), "own_lattice_parameter": None})
    if crystal.lattice_parameter == "auto":
        found = measured(calculator, crystal, base_path, AUTO_SECONDS) if calculator is not None else None
        if found is None:
            kind = calculator.type if calculator is not None else "none"
            raise ConfigurationError(
                f"space.crystal.lattice_parameter: auto; with a calculator of type {kind} it takes too long, expected a number",
                hint="relax the perfect crystal with this calculator and enter the result",
            )
        own = _rounded(found.lattice_parameter)
        crystal = crystal.model_copy(update={"lattice_parameter": own, "own_lattice_parameter": own})
    return space.with_crystal(crystal)


def _rounded(parameter: LatticeParameter) -> LatticeParameter:
    if isinstance(parameter, tuple):
        a, c = parameter
        return round(a, _DECIMALS), round(c, _DECIMALS)
    return round(parameter, _DECIMALS)


def compare_crystal(spec: CampaignSpec, base_path: Path) -> OwnCrystal | None:
    """Compares a campaign's lattice parameter with its calculator's own.

    Returns:
        The comparison; None if there is nothing to compare, or if it takes longer than ``CHECK_SECONDS``: then the first
        evaluation compares.

    Raises:
        ConfigurationError: It differs by more than 0.5 % and the crystal is not marked as strained, or the calculator has no
            such crystal.
    """
    crystal = spec.space.reference_crystal
    if crystal is None or spec.calculator is None:
        return None
    found = measured(spec.calculator, crystal, base_path, CHECK_SECONDS)
    if found is not None:
        from tansaku.calculators.workflows.own_crystal import refuse_misfit  # imports ASE, which `tansaku status` does not need

        refuse_misfit(crystal, found, f"the calculator of type {spec.calculator.type}")
    return found


def describe_crystal(spec: CampaignSpec, base_path: Path) -> str | None:
    """Describes the comparison, None if there is nothing to compare. Raises as :func:`compare_crystal`."""
    crystal = spec.space.reference_crystal
    if crystal is None or spec.calculator is None:
        return None
    found = compare_crystal(spec, base_path)
    if found is not None:
        lowered = None if spec.space.thickest is None else found.lowers(spec.space.thickest)
        said = f"; energies about {1000 * lowered:.1f} mJ/m2 too low" if lowered is not None and lowered >= _SAID else ""
        return found.describe() + said + (" (strained: true)" if crystal.strained else "")
    if crystal.strained:
        return "strained: true, so it is not compared with the calculator's lattice parameter"
    return f"will be compared with the calculator's by the first evaluation, because that takes longer than {CHECK_SECONDS} s"


def measured(calculator: CalculatorSpec, crystal: CrystalSpec, base_path: Path, seconds: int) -> OwnCrystal | None:
    """Computes a calculator's own crystal in a process with limited processor time.

    Returns:
        None where it takes longer, or the calculator cannot be opened on this machine.

    Raises:
        ConfigurationError: The calculator has no such crystal.
    """
    # A DFT code may not be installed on this machine, and takes minutes if it is.
    if calculator.facts.dft:
        return None
    FORKER.preload([calculator.facts.engine, "tansaku.calculators.workflows.own_crystal"])
    folder = folder_of(calculator, base_path)
    asked = own_crystal.OwnCrystalRequest(calculator=calculator, crystal=crystal, base_path=folder, seconds=seconds)
    reply = answered(OWN_CRYSTAL, asked.model_dump_json(), seconds)
    if reply is None:
        return None
    answer = own_crystal.OwnCrystalAnswer.model_validate_json(reply)
    if answer.lattice_parameter is None or answer.given is None:
        raise ConfigurationError(answer.error or "", hint=answer.hint)
    from tansaku.calculators.workflows.own_crystal import OwnCrystal

    return OwnCrystal(answer.lattice_parameter, answer.given, answer.stress)


def folder_of(calculator: CalculatorSpec, base_path: Path) -> str:
    """Returns the folder of a question about a calculator: one that reads no files answers the same in every folder."""
    return str(base_path if any(part.facts.files for part in (calculator, *calculator.parts.values())) else Path())


@lru_cache(maxsize=_KNOWN)
def answered(module: str, request: str, seconds: int) -> str | None:
    """Returns the answer of a process of limited time, which is asked only once; None if it was ended or failed.

    Args:
        module: What it runs, of ``tansaku.tasks.node.jobs``.
        request: The question as JSON.
        seconds: Its processor time [s].
    """
    name = f"tansaku.tasks.node.jobs.{module}"
    if _ASKING.by_forks:
        return _forked(name, request)
    environment, patience = worker_environment(SERIAL), seconds + _PATIENCE
    try:
        answer = FORKER.answer(name, request, environment, patience)
        if answer is not None:
            return answer or None
        done = subprocess.run(  # noqa: S603 - one of our modules
            # -P: files in the current folder do not shadow modules.
            [sys.executable, "-P", "-m", name],
            input=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


@dataclass
class _Asking:
    """Way in which processes that answer questions are started."""

    by_forks: bool = False


_ASKING = _Asking()


def ask_by_forks() -> None:
    """Has forks of this process answer from now on: it has imported what they need, has no threads, and its own time limit."""
    _ASKING.by_forks = True


def _forked(module: str, request: str) -> str | None:
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as answer:
        asked.write(request.encode())
        asked.seek(0)
        child = os.fork()
        if child == 0:
            _answer_as(module, asked.fileno(), answer.fileno())
        if os.waitpid(child, 0)[1]:
            return None
        answer.seek(0)
        return answer.read().decode()


def _answer_as(module: str, asked: int, answer: int) -> NoReturn:
    """Runs a module as the whole program of this process, and ends it."""
    code = 1
    try:
        os.dup2(asked, 0)
        os.dup2(answer, 1)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.modules.pop(module, None)  # else runpy warns
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        os._exit(code)

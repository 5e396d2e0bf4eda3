"""Programs defined in the site file and called by name; one process per set of positions."""

from __future__ import annotations

import ast
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from tansaku.calculators.engine import Engine, Probe
from tansaku.calculators.engines.ase_evaluation import evaluate_with_ase
from tansaku.calculators.engines.electronic import check_elements, task_key
from tansaku.calculators.engines.in_folder import FolderCalculator, KeptPositions
from tansaku.calculators.engines.program_runs import Program, found_program
from tansaku.calculators.frozen_files import freeze, watch
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.findings import Finding
from tansaku.models.domain.identifiers import content_hash, file_sha256
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import JsonDict, Provenance
from tansaku.models.domain.specs.calculators.command import CommandCalculatorSpec
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.calculators.keywords import check_keywords
from tansaku.models.domain.specs.commands import CHECKPOINT, CommandSpec, offered_commands
from tansaku.models.domain.specs.parallel import SERIAL, ParallelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class CommandCalculator(FolderCalculator):
    """``Calculator`` on a program of the site; relaxes with L-BFGS.

    Args:
        spec: Names the program.
        parallel: Ranks and threads, which the request names.

    Raises:
        ConfigurationError: The site defines no such program, it is not there, does not start, takes no such keyword, or is not
            the one for which the campaign was created.
    """

    def __init__(self, spec: CommandCalculatorSpec, parallel: ParallelSpec = SERIAL) -> None:
        self._spec = resolve(spec)
        self._parallel = parallel
        hashes = file_hashes(spec.command)
        self._program, version = _started(spec.command, hashes)
        self._provenance = Provenance(
            code="command",
            code_version=version or (self._spec.command_sha256 or "")[:12],
            model=spec.command,
            model_sha256=self._spec.command_sha256 or "",
            settings=settings_of(self._spec) | {"minimizer": "lbfgs", "sha256": hashes},
        )

    @property
    def provenance(self) -> Provenance:
        """Name of the program, hash of its definition, of each file, keywords, and the version that it prints."""
        return self._provenance

    def _check(self, structure: Atoms) -> None:
        if self._program.spec.elements is not None:
            check_elements(structure, self._program.spec.elements, f"commands.{self._spec.command}.elements")

    def _evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None, folder: Path) -> CalculationResult:
        started = time.perf_counter()
        request: JsonDict = {
            "schema_version": 1,
            "keywords": self._spec.model_dump(mode="json")["keywords"],
            "ranks": self._parallel.ranks,
            "threads": self._parallel.threads,
            "mpiexec": self._parallel.mpiexec,
            "checkpoint": CHECKPOINT,
        }
        kept = KeptPositions(folder, task_key(structure, relaxation, self._provenance))
        through = _InProgram(self._program, request, kept)
        start = structure.copy()
        resumed = kept.restore(start)
        result = evaluate_with_ase(start, relaxation, through, self._provenance)
        details = {"runs": through.runs, "resumed": resumed} | ({"program": through.details} if through.details else {})
        return replace(result, details=details, wall_time=time.perf_counter() - started)


class _InProgram(Calculator):
    """ASE calculator that starts the program for every set of positions."""

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012 - ASE's base class says so

    def __init__(self, program: Program, request: JsonDict, kept: KeptPositions) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.runs = 0
        self.details: JsonDict = {}
        self._program = program
        self._request = request
        self._kept = kept

    @property
    def given(self) -> frozenset[str]:
        """Properties that the program returned last; before the first structure, all that it can return."""
        return frozenset(self.results) if self.runs else frozenset(self.implemented_properties)

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] | None = None,
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Runs the program."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        here = self.atoms if self.atoms is not None else Atoms()
        self.results, self.details = self._program.run(here, self._request, self._kept.folder)
        self.runs += 1
        missing = [name for name in properties or () if name not in self.results]
        if missing:
            raise ConfigurationError(
                f"{self._program.name} gives no {missing[0]}, which this relaxation needs; expected relaxation.cell: fixed"
            )
        self._kept.keep(here)


def _started(name: str, hashes: Mapping[str, str]) -> tuple[Program, str]:
    """A program of the site and its version, empty if it is never asked for one.

    Args:
        name: Of the program.
        hashes: Of its files, as :func:`file_hashes` finds them.

    Raises:
        ConfigurationError: The site defines no such program, it is not there, or does not start.
        TransientError: A file has changed since it was hashed.
    """
    definition = definition_of(name)
    path = found_program(name, definition.argv[0])
    watch({definition.argv[0]: Path(path)})
    files = {Path(file).name: Path(file) for file in definition.files}
    # A script may find beside itself what the site file does not list; `tansaku check` says of which modules it knows.
    program = Program(name, definition, path, freeze(files, hashes, {file.resolve().parent for file in files.values()}))
    with tempfile.TemporaryDirectory(prefix="tsk-command-") as place:
        return program, program.version(Path(place))


def definition_of(name: str) -> CommandSpec:
    """Definition of a program in the site file.

    Raises:
        ConfigurationError: It does not know the name; names those that it knows.
    """
    offered = offered_commands()
    if name not in offered:
        known = f"expected one of {', '.join(sorted(offered))}" if offered else "this site defines none"
        raise ConfigurationError(
            f"calculator.command: {name!r} is not defined; {known}",
            hint="programs are defined in the site file, under commands",
        )
    return offered[name]


def definition_sha256(name: str) -> str:
    """Hash of what a program's numbers depend on: its arguments, and its files by content.

    Raises:
        ConfigurationError: The site does not know it, or a file is missing.
    """
    definition = definition_of(name)
    failures = sorted(definition.failures.items())
    return content_hash({"argv": list(definition.argv), "files": file_hashes(name), "failures": failures})


def file_hashes(name: str) -> dict[str, str]:
    """SHA-256 of each of a program's files, by its name in the folder of a run.

    Raises:
        ConfigurationError: The site does not know the program, or a file is missing.
    """
    found = {}
    for file in definition_of(name).files:
        try:
            found[Path(file).name] = file_sha256(Path(file))
        except OSError as error:
            raise ConfigurationError(
                f"calculator.command: {name}: file {file!r} cannot be read: {error.strerror}",
                hint=f"the site file names it under commands.{name}.files",
            ) from error
    return found


def resolve(spec: CommandCalculatorSpec) -> CommandCalculatorSpec:
    """The spec with the hash of its program's definition; a hash that it gives is checked.

    Raises:
        ConfigurationError: The program is not known, is another one, or takes no such keyword.
    """
    found = definition_sha256(spec.command)
    if spec.command_sha256 is not None and spec.command_sha256 != found:
        raise ConfigurationError(
            f"calculator.command: {spec.command} is not the program for which the campaign was created: its definition and "
            f"files have SHA-256 {found[:12]}, expected {spec.command_sha256[:12]}",
            hint="restore argv and files in the site file, or start another campaign: results of two programs are never mixed",
        )
    try:
        check_keywords(spec.keywords, definition_of(spec.command).keywords, spec.command)
    except ValueError as error:
        raise ConfigurationError(
            f"calculator.{error}", hint=f"the site file says so under commands.{spec.command}.keywords"
        ) from error
    return spec.model_copy(update={"command_sha256": found})


def _elements(spec: CommandCalculatorSpec, _: Path) -> frozenset[str] | None:
    known = definition_of(spec.command).elements
    return frozenset(known) if known is not None else None


def _notes(spec: CommandCalculatorSpec) -> Iterator[str]:
    """Notes on files that the program's numbers depend on and that the site file does not list."""
    definition = definition_of(spec.command)
    files = [Path(file) for file in definition.files]
    scripts = [Path(word) for word in definition.argv[1:] if word.startswith("/") and Path(word).is_file()]
    unlisted = [("its argv names", script) for script in scripts if script not in files]
    unlisted += [(f"{importer.name} imports", module) for importer, module in unlisted_modules([*files, *scripts])]
    for how, path in unlisted:
        yield f"commands.{spec.command}: {how} {path}, which is not in files: a change of it goes unnoticed"


def _examine(_: Probe) -> Finding:
    offered = offered_commands()
    if not offered:
        return Finding(name="command", state="optional", detail="the site file defines no programs for calculator command")
    for name in offered:
        try:
            definition_sha256(name)
            _started(name, file_hashes(name))
        except ConfigurationError as error:
            return Finding(name="command", state="warning", detail=error.message, hint=error.hint)
    return Finding(name="command", state="ok", detail=f"programs of this site: {', '.join(sorted(offered))}")


ENGINE = Engine[CommandCalculatorSpec](
    open=lambda spec, _, parallel: CommandCalculator(spec, parallel),
    resolve=lambda spec, _: resolve(spec),
    elements=_elements,
    examine=_examine,
    startable=lambda spec: _started(spec.command, file_hashes(spec.command)),
    notes=_notes,
)


def unlisted_modules(scripts: Iterable[Path]) -> tuple[tuple[Path, Path], ...]:
    """Modules and packages that scripts import from their own folder and that are not among them.

    Args:
        scripts: Files; those that are no Python are left out.

    Returns:
        A script, or a module found so, and what it imports; each module once.
    """
    listed = [script.resolve() for script in scripts]
    known, found = set(listed), []
    left = [(script, script.parent) for script in listed if script.suffix == ".py"]
    while left:
        script, folder = left.pop(0)
        for name in _imported(script):
            # A folder without __init__.py, such as an environment, gives way to an installed package of its name.
            places = (folder / name / "__init__.py", folder / f"{name}.py")
            module = next((path for path in places if path.is_file()), None)
            if module is not None and module not in known:
                known.add(module)
                found.append((script, module))
                left.append((module, folder))
    return tuple(found)


def _imported(script: Path) -> Iterator[str]:
    """First parts of the names that a file imports; none of one that this Python cannot read."""
    try:
        tree = ast.parse(script.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0]

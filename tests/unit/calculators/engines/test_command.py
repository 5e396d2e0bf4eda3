"""Programs of the site: what they are given, what their results must be, and which failures are whose."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from ase import Atoms
from ase.build import bulk

from tansaku.calculators.calculator_registry import open_calculator, resolve_calculator
from tansaku.models.domain.errors import CalculationError, ConfigurationError, TransientError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.specs.calculators.command import CommandCalculatorSpec
from tansaku.models.domain.specs.commands import CommandSpec, offer_commands, offered_commands
from tansaku.models.domain.specs.parallel import ParallelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

PAIRS = Path(__file__).parents[3] / "support/pair_program.py"
KEYWORDS = {"depth": "number", "sleep": "number", "exit": "integer", "without": "list"}
SPEC = CommandSpec(
    argv=("python3", "-I", "-S", PAIRS.name), files=(str(PAIRS),), keywords=KEYWORDS, failures={3: "not_converged"}
)


@pytest.fixture(autouse=True)
def _site():
    offer_commands({"pairs": SPEC})
    yield
    offer_commands({})


def spec(**keywords) -> CommandCalculatorSpec:
    return CommandCalculatorSpec(command="pairs", keywords=keywords)


def crystal() -> Atoms:
    atoms = bulk("Al", cubic=True)
    atoms.positions[0] += 0.05
    return atoms


def scripted(folder: Path, text: str, **more) -> CommandCalculatorSpec:
    """A site whose program is a script."""
    script = folder / "script.py"
    script.write_text(text)
    offer_commands({"pairs": CommandSpec(argv=("python3", "-I", "-S", "script.py"), files=(str(script),), **more)})
    return spec()


def result(**changes) -> str:
    """A script that writes a result for four atoms."""
    found = {"energy": -1.0, "forces": [[0.0] * 3] * 4} | changes
    return f"open('result.json', 'w').write({json.dumps({key: value for key, value in found.items() if value is not None})!r})"


def evaluated(wanted: CommandCalculatorSpec, relaxation: RelaxationSpec | None = None):
    return open_calculator(wanted, Path()).evaluate(crystal(), relaxation)


def test_a_program_computes_and_is_told_its_keywords(tmp_path):
    plain, deep = evaluated(spec()), evaluated(spec(depth=0.54))
    assert deep.energy == pytest.approx(2 * plain.energy)
    np.testing.assert_allclose(deep.forces, 2 * plain.forces)
    assert plain.details == {"runs": 1, "resumed": False, "program": {"atoms": 4}}


def test_the_program_sees_ranks_threads_and_every_digit(tmp_path):
    seen = tmp_path / "seen"
    text = f"import shutil; shutil.copytree('.', {str(seen)!r}, symlinks=True); " + result()
    calculator = open_calculator(scripted(tmp_path, text), Path(), ParallelSpec(ranks=4, threads=2))
    atoms = crystal()
    atoms.positions[1, 0] += 1e-13
    calculator.evaluate(atoms)
    request = json.loads((seen / "request.json").read_text())
    assert (request["ranks"], request["threads"], request["checkpoint"]) == (4, 2, "checkpoint")
    rows = (seen / "structure.extxyz").read_text().splitlines()
    assert [float(word) for word in rows[3].split()[1:]] == atoms.positions[1].tolist()
    assert (seen / "script.py").is_symlink()


def test_nothing_of_argv_passes_a_shell(tmp_path):
    text = "import sys; " + result() + "; open('/dev/stdout','w').write(repr(sys.argv[1:]))"
    script = tmp_path / "script.py"
    script.write_text(text)
    words = ("$HOME; touch hacked", "`id`", "a b", '"')
    offer_commands({"pairs": CommandSpec(argv=("python3", "-I", "-S", "script.py", *words), files=(str(script),))})
    calculator = open_calculator(spec(), Path()).within(tmp_path / "run")
    calculator.evaluate(crystal())
    assert (tmp_path / "run/program.log").read_text() == repr(list(words))


def test_unknown_names_and_keywords_are_errors_before_anything_runs():
    with pytest.raises(ConfigurationError, match="'pear' is not defined; expected one of pairs"):
        resolve_calculator(CommandCalculatorSpec(command="pear"), Path())
    with pytest.raises(ConfigurationError, match=r"keywords\.dept: pairs takes no such keyword; expected one of depth, exit"):
        resolve_calculator(spec(dept=1.0), Path())
    with pytest.raises(ConfigurationError, match=r"keywords\.depth: 'big'; pairs expects a number"):
        resolve_calculator(spec(depth="big"), Path())
    with pytest.raises(ConfigurationError, match=r"keywords\.exit: True; pairs expects an integer"):
        resolve_calculator(spec(exit=True), Path())
    with pytest.raises(ValueError, match=r"expected words of letters, digits .* and no path"):
        spec(depth="../../etc/passwd")
    offer_commands({})
    with pytest.raises(ConfigurationError, match="this site defines none"):
        resolve_calculator(spec(), Path())


def test_a_program_that_is_missing_or_does_not_start_is_an_error_at_opening(tmp_path):
    offer_commands({"pairs": CommandSpec(argv=("no-such-program",))})
    with pytest.raises(ConfigurationError, match="no program 'no-such-program' on this machine"):
        open_calculator(spec(), Path())
    offer_commands({"pairs": CommandSpec(argv=("python3",), version=("python3", "-c", "raise SystemExit('no licence')"))})
    with pytest.raises(ConfigurationError, match=r"does not work here: .* ended with status 1: no licence"):
        open_calculator(spec(), Path())
    offer_commands({"pairs": CommandSpec(argv=("python3",), files=(str(tmp_path / "gone.pt"),))})
    with pytest.raises(ConfigurationError, match=r"gone\.pt' cannot be read: No such file"):
        resolve_calculator(spec(), Path())


@pytest.mark.parametrize("key", ["argv", "version"])
def test_a_program_by_a_relative_path_is_refused_when_the_site_file_is_read(key):
    with pytest.raises(
        ValueError, match=rf"(?s){key}\n.*'\./my-code' is a relative path, .*; expected an absolute path or a name"
    ):
        CommandSpec.model_validate({"argv": ["my-code"]} | {key: ["./my-code", "--version"]})


def test_the_definition_and_its_files_are_the_level_of_theory(tmp_path):
    first = resolve_calculator(scripted(tmp_path, result()), Path())
    provenance = open_calculator(first, Path()).provenance
    assert provenance.model_sha256 == first.command_sha256
    assert provenance.settings["sha256"] == {"script.py": file_sha256(tmp_path / "script.py")}
    scripted(tmp_path, result(energy=-2.0))
    with pytest.raises(ConfigurationError, match="not the program for which the campaign was created"):
        open_calculator(first, Path())
    again = resolve_calculator(scripted(tmp_path, result()), Path())
    assert again == first
    other = offered_commands()["pairs"].model_copy(update={"argv": ("python3", "-I", "script.py")})
    offer_commands({"pairs": other})
    assert resolve_calculator(spec(), Path()).command_sha256 != first.command_sha256


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"energy": None}, ConfigurationError, "energy: missing"),
        ({"energy": "low"}, ConfigurationError, "energy"),
        ({"forces": [[0.0] * 3]}, ConfigurationError, "forces: 1 x 3 numbers; expected 4 x 3"),
        ({"forces": [[0.0] * 3, [0.0], [0.0] * 3, [0.0] * 3]}, ConfigurationError, "forces: expected 4 x 3 numbers"),
        ({"stress": [0.0] * 5}, ConfigurationError, "stress: 5 numbers; expected 6"),
        ({"units": {"energy": "Ry"}}, ConfigurationError, "units.energy: 'Ry'; expected eV"),
        ({"enregy": 1.0}, ConfigurationError, "enregy"),
        ({"energy": float("nan")}, CalculationError, "energy holds a number that is not finite"),
        ({"failure": {"reason": "lost_atoms", "message": "they flew away"}}, CalculationError, "they flew away"),
    ],
    ids=str,
)
def test_a_result_that_is_none_is_an_error(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        evaluated(scripted(tmp_path, result(**changes)))


def test_a_number_of_a_million_digits_is_no_value_and_no_error_of_the_program(tmp_path):
    script = result().replace("-1.0", "' + '9' * 10**6 + '")
    with pytest.raises(CalculationError, match="energy holds a number that is not finite"):
        evaluated(scripted(tmp_path, script))


def test_a_tensor_of_stress_is_turned_into_voigt_s_order(tmp_path):
    tensor = [[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]]
    assert evaluated(scripted(tmp_path, result(stress=tensor))).stress.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_failures_of_the_science_and_of_the_machine_are_told_apart_and_the_log_is_shown(tmp_path):
    with pytest.raises(CalculationError, match="exit status 3: it ends as requested") as caught:
        evaluated(spec(exit=3))
    assert caught.value.reason == "not_converged"
    with pytest.raises(TransientError, match="ended with exit status 4: it ends as requested"):
        evaluated(spec(exit=4))
    with pytest.raises(TransientError, match=r"ended without result.json: no output"):
        evaluated(scripted(tmp_path, ""))
    with pytest.raises(TransientError, match="ended with signal 9"):
        evaluated(scripted(tmp_path, "import os; os.kill(os.getpid(), 9)"))
    with pytest.raises(ConfigurationError, match=r"result.json is no JSON"):
        evaluated(scripted(tmp_path, "open('result.json', 'w').write('{')"))
    for made in ("mkfifo", "mkdir"):
        with pytest.raises(ConfigurationError, match=r"result.json is no regular file"):
            evaluated(scripted(tmp_path, f"import os; os.{made}('result.json')"))
    with pytest.raises(TransientError, match=r"ended with exit status 1: x{1000,1500}$"):
        evaluated(scripted(tmp_path, "print('y' * 100_000 + 'x' * 2000, end='', flush=True); raise SystemExit(1)"))


def test_a_program_that_takes_too_long_is_ended_with_what_it_started(tmp_path):
    note = tmp_path / "child"
    text = f"import subprocess as s; c = s.Popen(['sleep', '60']); open({str(note)!r}, 'w').write(str(c.pid)); c.wait()"
    for patience in (0.3, 2.0, 20.0):  # a busy machine takes long to start it
        with pytest.raises(TransientError, match="not finished within"):
            evaluated(scripted(tmp_path, text, timeout=patience))
        if note.exists() and note.read_text():
            break
    # The kernel takes a moment to end what got SIGKILL; left alone, it would sleep for a minute.
    with suppress(psutil.NoSuchProcess):
        child = psutil.Process(int(note.read_text()))
        until = time.monotonic() + 30.0
        while child.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < until, "what the program started lives on"
            time.sleep(0.01)


def test_a_relaxation_without_the_stress_that_it_needs_is_refused(tmp_path):
    assert evaluated(spec(without=["stress"]), RelaxationSpec(fmax=0.05)).stress is None
    for cell in ("normal", "full"):
        with pytest.raises(ConfigurationError, match="stress"):
            evaluated(spec(without=["stress"]), RelaxationSpec(fmax=0.05, cell=cell, translation="free"))


def test_a_killed_relaxation_goes_on_where_it_was(tmp_path):
    calculator, relaxation = open_calculator(spec(), Path()), RelaxationSpec(fmax=0.01)
    whole = calculator.evaluate(crystal(), relaxation)
    with pytest.raises(CalculationError):
        calculator.within(tmp_path / "parts").evaluate(crystal(), relaxation.model_copy(update={"max_steps": 1}))
    assert not calculator.within(tmp_path / "parts").evaluate(crystal(), relaxation).details["resumed"], "another task"
    again = calculator.within(tmp_path / "parts").evaluate(crystal(), relaxation)
    assert again.details["resumed"]
    assert again.details["runs"] < whole.details["runs"]
    assert again.energy == pytest.approx(whole.energy, abs=1e-5)


def test_secrets_are_kept_from_the_program(tmp_path, monkeypatch):
    monkeypatch.setenv("TANSAKU_MONGO_URI", "mongodb://secret")
    text = "import os; print(sorted(n for n in os.environ if 'MONGO' in n)); " + result()
    calculator = open_calculator(scripted(tmp_path, text), Path()).within(tmp_path / "run")
    calculator.evaluate(crystal())
    assert (tmp_path / "run/program.log").read_text() == "[]\n"


@pytest.mark.parametrize(
    ("files", "message"), [(("a/x.py", "b/x.py"), "two files have this name"), (("a/result.json",), "rename yours")]
)
def test_files_of_a_run_have_names_of_their_own(files, message):
    with pytest.raises(ValueError, match=message):
        CommandSpec(argv=("python3",), files=files)

from __future__ import annotations

import subprocess
import sys

import pytest

from tansaku.deploy.cli import main as cli
from tansaku.deploy.cli.exits import MEANINGS, ExitCode, epilogue, exit_code
from tansaku.models.domain import errors


def _all_errors(kind: type[errors.TansakuError]) -> list[type[errors.TansakuError]]:
    """The house's errors; a part's own ones end with the code of the kind they refine."""
    own = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [kind, *(one for child in own for one in _all_errors(child))]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Runs the command in this process and returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["tansaku", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_every_error_has_a_code_of_its_own_kind():
    expected = {
        errors.LeaseHeldError: ExitCode.LEASE_HELD,
        errors.FencedError: ExitCode.DATABASE,
        errors.StoreError: ExitCode.DATABASE,
        errors.TransientError: ExitCode.DATABASE,
        errors.OvertakenError: ExitCode.DATABASE,
        errors.SlowQueryError: ExitCode.DATABASE,
        errors.DamagedFileError: ExitCode.DATABASE,
        errors.DiskFullError: ExitCode.DATABASE,
        errors.SpecChangedError: ExitCode.USAGE,
        errors.ConfigurationError: ExitCode.USAGE,
        errors.InvalidSpecError: ExitCode.USAGE,
        errors.FieldError: ExitCode.USAGE,
        errors.SurpriseError: ExitCode.USAGE,
        errors.StateError: ExitCode.USAGE,
        errors.NotFoundError: ExitCode.NOT_FOUND,
        errors.DamagedResultError: ExitCode.NOT_FOUND,
        errors.MissingComponentError: ExitCode.MISSING_COMPONENT,
        errors.CalculationError: ExitCode.CALCULATION,
        errors.FitError: ExitCode.CALCULATION,
        errors.TansakuError: ExitCode.STOPPED,
    }
    assert set(expected) == set(_all_errors(errors.TansakuError))
    for kind, code in expected.items():
        error = kind.__new__(kind)
        assert exit_code(error) is code


def test_a_name_in_place_of_a_file_says_how_a_stored_campaign_continues(monkeypatch, capsys):
    assert run(monkeypatch, "run", "journey") == ExitCode.USAGE
    assert "journey: no such file" in (said := capsys.readouterr().err)
    assert "`tansaku resume journey`" in said


def test_help_lists_every_exit_code():
    assert set(MEANINGS) == set(ExitCode)
    for code in ExitCode:
        assert f"{code.value} {MEANINGS[code]}" in epilogue()


def test_an_error_is_a_message_on_standard_error_and_no_traceback(monkeypatch, capsys):
    code = run(monkeypatch, "check", "nowhere.yaml")
    captured = capsys.readouterr()
    assert code == ExitCode.USAGE
    assert captured.out == ""
    assert captured.err.startswith("error: ")
    assert "nowhere.yaml" in captured.err
    assert "Traceback" not in captured.err


def test_a_wrong_cell_of_a_list_of_boundaries_is_named(monkeypatch, capsys, tmp_path):
    (tmp_path / "list.csv").write_text("axis,sigma,plane\n0 0 1,5,0 0 one\n", encoding="utf-8")
    (tmp_path / "listed.yaml").write_text(
        "schema_version: 1\nspace:\n  type: grain_boundary\n"
        "  crystal: {structure: fcc, element: Cu, lattice_parameter: 3.615}\n"
        "  cell: {boundaries: 1}\n  boundaries: {list: list.csv}\n"
        "calculator: {type: emt}\nbudget: {evaluations: 1}\n",
        encoding="utf-8",
    )
    assert run(monkeypatch, "check", str(tmp_path / "listed.yaml")) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "space.boundaries.list: row 1, column 'plane': '0 0 one'; expected three whole numbers" in said
    assert "line 6" in said


@pytest.mark.parametrize(
    ("structure", "change", "expected"),
    [
        ('1\npbc="T T T" Lattice="4 0 0 0 4 0 0 0 4"\nNi 0 0 0\n', 0.1, "space.boundary: gb.extxyz has Ni; expected Cu"),
        ('1\npbc="T T F" Lattice="4 0 0 0 4 0 0 0 4"\nCu 0 0 0\n', 0.1, "gb.extxyz is not periodic in three directions"),
        ('1\npbc="T T T" Lattice="3 0 0 0 3 0 0 0 3"\nCu 0 0 0\n', 5, "space.change: no atom of gb.extxyz differs"),
    ],
)
def test_a_structure_that_is_no_boundary_is_named(monkeypatch, capsys, tmp_path, structure, change, expected):
    (tmp_path / "gb.extxyz").write_text(structure, encoding="utf-8")
    (tmp_path / "sites.yaml").write_text(
        "schema_version: 1\nspace:\n  type: segregation\n  boundary: gb.extxyz\n  solute: Ag\n"
        f"  change: {change}\n  crystal: {{structure: fcc, element: Cu, lattice_parameter: 3.59}}\n"
        "calculator: {type: emt}\nobjective: {unit: eV}\nbudget: {evaluations: 1}\n",
        encoding="utf-8",
    )
    assert run(monkeypatch, "check", str(tmp_path / "sites.yaml")) == ExitCode.USAGE
    assert expected in capsys.readouterr().err


def test_a_hint_has_a_line_of_its_own(monkeypatch, capsys):
    assert run(monkeypatch, "init", "no-such-template") == ExitCode.NOT_FOUND
    first, second = capsys.readouterr().err.splitlines()
    assert "no-such-template" in first
    assert second.startswith("  hint: ")
    assert "al-110-tilt" in second


@pytest.mark.parametrize("arguments", [["--no-such-option"], ["nonsense"], ["check"], ["results", "x", "--json", "--csv"]])
def test_wrong_usage(monkeypatch, arguments):
    assert run(monkeypatch, *arguments) == ExitCode.USAGE


def test_the_entry_point_is_the_command():
    done = subprocess.run(
        [sys.executable, "-c", "from tansaku.deploy.cli.main import main; main()", "--version"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.startswith("tansaku ")

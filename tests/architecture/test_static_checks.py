"""ruff and mypy pass, and both see through the links between the root folders and the package."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_ruff_passes_on_everything():
    ruff = Path(sys.executable).with_name("ruff")
    for arguments in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        result = subprocess.run([ruff, *arguments, "."], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("part", ["models", "calculators", "spaces", "tasks", "flows", "deploy", "rooms"])
def test_an_import_past_the_package_is_noticed(gate, plant, part):
    plant(f"{part}/planted.py", f'"""Planted."""\n\nimport {part}\n\nprinted = {part}\n')
    result = gate("ruff", "check", "--no-cache", f"{part}/planted.py")
    assert result.returncode == 1
    assert "TID251" in result.stdout


TYPED = [
    "models/engine",
    "calculators/engines",
    "spaces",
    "tasks/backends/stores",
    "flows",
    "deploy/cli",
    "rooms/sparse/tasks",
    "benchmarks",
]
TYPE_ERROR = '"""Planted."""\n\n\ndef count() -> int:\n    """Counts."""\n    return "three"\n'
UNTYPED = '"""Planted."""\n\n\ndef count(values):\n    """Counts."""\n    return len(values)\n'
SCRIPT = '''"""A user's script, typed strictly."""

import numpy as np
import numpy.typing as npt
import pandas as pd

import tansaku as ts


def measure(temperature: float, x: float) -> float:
    """Stands for the laboratory."""
    return temperature * x


def score(
    pool: ts.CandidatePool, known: ts.Observations, posterior: ts.Posterior, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Scores candidates."""
    return posterior.mean - known.best + posterior.deviation + rng.random(len(pool))


space = ts.Parameters(temperature=(300, 900, "K"), x=(0, 1), solvent=["water", "ethanol"])
campaign = ts.Campaign(space, ts.maximize("yield", unit="%"), ts.Budget(evaluations=24), acquisition=score, store=None)
while not campaign.done:
    for row in campaign.ask(4):
        told: dict[str, int] = campaign.tell(row, value=float(len(row)), note=row.why).new
best: ts.Found | None = campaign.best
if best is not None:
    value: float = best.value
frames: list[pd.DataFrame] = [campaign.frame, campaign.results, campaign.slices()]
frames += [campaign.predict({"temperature": 400, "x": 0.5, "solvent": "water"}), campaign.acquisition(best)]
shares: "pd.Series[float]" = campaign.importance()
name: str = ts.optimize(measure, ts.Table("rows.csv", columns={"id": "id"}, features={}), proposer=ts.GP(engine=4)).name
'''
WRONG_SCRIPT = '''"""A user's script with a mistake in each line."""

import tansaku as ts

space = ts.Parameters(x=(0, 1), pool="many")
campaign = ts.Campaign(space, ts.maximize("yield", united="%"), budget="24")
campaign.ask("four")
best: float = campaign.best
space = ts.Variables(x=(0, 1))
'''


@pytest.fixture(scope="module")
def mypy_errors(gate, tree):
    """What mypy says of the tree with all planted errors in it: one run takes as long as a run for each of them."""
    planted = {tree / part / "planted_type_error.py": TYPE_ERROR for part in TYPED}
    planted[tree / "tasks/planted_untyped.py"] = UNTYPED
    planted |= {tree / "benchmarks/planted_script.py": SCRIPT, tree / "benchmarks/planted_wrong_script.py": WRONG_SCRIPT}
    for path, text in planted.items():
        path.write_text(text)
    written = gate("python", "-m", "tansaku.deploy.python.stubs")
    assert written.returncode == 0, written.stderr
    result = gate("mypy", f"--cache-dir={ROOT / '.mypy_cache'}")  # that of `make lint`: what has changed is told by hashes
    for path in planted:
        path.unlink()
    assert result.returncode == 1, result.stdout + result.stderr
    return [line for line in result.stdout.splitlines() if ": error: " in line]


def test_mypy_finds_nothing_but_what_was_planted(mypy_errors):
    assert [line for line in mypy_errors if "/planted_" not in line] == []
    assert len([line for line in mypy_errors if "script.py" not in line]) == len(TYPED) + 1


def test_a_users_script_passes_in_strict_mode_and_its_mistakes_are_named(mypy_errors):
    assert [line for line in mypy_errors if "planted_script.py" in line] == []
    wrong = [line.partition("planted_wrong_script.py:")[2].partition(":")[0] for line in mypy_errors if "wrong_script" in line]
    assert sorted(set(wrong)) == ["5", "6", "7", "8", "9"], mypy_errors


@pytest.mark.parametrize("part", TYPED)
def test_a_planted_type_error_is_noticed(mypy_errors, part):
    expected = f"{part.removeprefix('rooms/')}/planted_type_error.py:6: error: Incompatible return value type"
    assert any(expected in line for line in mypy_errors), mypy_errors


def test_untyped_code_is_noticed(mypy_errors):
    expected = "tasks/planted_untyped.py:4: error: Function is missing a type annotation"
    assert any(expected in line for line in mypy_errors), mypy_errors

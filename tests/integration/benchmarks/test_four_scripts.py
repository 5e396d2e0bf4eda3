"""The benchmark of scripts on a script that needs no package, timed, then killed and started again."""

from __future__ import annotations

import pytest

from benchmarks.four_scripts import __main__ as benchmark
from benchmarks.four_scripts.__main__ import METHODS, SCRIPTS, counted, killed, lines_of_code, summary, timed, written

TOY = '''"""Measures at one place after the other, and forgets what it had begun."""

from pathlib import Path

from laboratory import measure

SEED = 0  # seed
KEPT = Path("number")
begun = 0
if KEPT.exists():  # kept
    begun = int(KEPT.read_text())  # kept
for number in range(begun, 24):
    KEPT.write_text(str(number + 1))  # kept
    best = measure(600 + number, 0.4, "ethanol")
print(best)
'''


@pytest.fixture
def toy(tmp_path, monkeypatch) -> str:
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "laboratory.py").write_text((SCRIPTS / "laboratory.py").read_text())
    monkeypatch.setattr(benchmark, "SCRIPTS", tmp_path)
    return "toy"


def test_a_script_is_timed(toy):
    found = timed(toy, 3)
    assert (found["measurements"], found["gap"]) == (24, pytest.approx(0.0045))
    assert 0 < found["core_seconds"] < 20
    assert summary([found])["toy"]["gap"] == 0.0045


def test_a_killed_script_is_started_again_and_what_it_lost_is_counted(toy):
    found = killed(toy, (3, 11))
    assert found == {"method": "toy", "kills": 2, "begun": 24, "points": 24, "values_lost": -2, "not_taken_up": 2}


def test_each_script_is_kept_on_disk_or_in_memory():
    for method in METHODS:
        memory, disk = (written(method, kept=kept) for kept in (False, True))
        assert "SEED" not in memory
        assert "SEED = 7\n" in written(method, kept=True, seed=7).replace("  # seed", "")
        assert lines_of_code(memory) != lines_of_code(disk)
        for text in (memory, disk):
            compile(text, method, "exec")
    assert lines_of_code('"""Title."""\n\nfrom laboratory import measure\n\nprint(measure(1))\n') == 1


def test_what_was_begun_twice_and_not_taken_up_is_counted():
    found = counted(["a", "b", "b", "c", "d"], ["a", "b", "d"] * 8)
    assert found == {"begun": 5, "points": 4, "values_lost": 0, "not_taken_up": 1}

"""`tansaku.optimize` in a script that is killed and started again: no value is lost, and nothing is computed twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import tansaku as ts
from tansaku.models.domain.errors import SpecChangedError
from tansaku.models.domain.states import EvaluationState

SCRIPT = """
import time
from pathlib import Path

import tansaku as ts

LOG = Path("LOG")


def measure(x, y):
    with LOG.open("a") as log:
        log.write(f"{x!r}\\n")
    time.sleep(0.4)
    if not LOG.with_name("warm").exists() and x > 0.5:
        raise ValueError("the oven is cold")
    return {"loss": (x - 0.3) ** 2, "price": 100 * y}


campaign = ts.optimize(
    measure,
    ts.Parameters(x=(0, 1), y=(0, 1)),
    ts.minimize("loss", limits=[{"property": "price", "at_most": "90 %"}]),
    budget=10,
    proposer="random",
    execution={"in_flight": 2},
)
print(campaign.done)
"""


def outcomes(campaign: ts.Campaign) -> dict[str, str]:
    return {item.id: item.outcome.model_dump_json() for item in campaign.evaluations if item.outcome is not None}


def test_a_killed_script_continues(mongo_server, tmp_path: Path):
    script, log = tmp_path / "oven.py", tmp_path / "log.txt"
    script.write_text(SCRIPT.replace('"LOG"', repr(str(log))))
    command = [sys.executable, str(script)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not log.exists() or len(log.read_text().splitlines()) < 3:
        assert first.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.kill()
    first.wait()
    finished = outcomes(ts.Campaign.open("oven"))

    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert again.stdout.endswith("True\n"), again.stderr
    campaign = ts.Campaign.open("oven")
    computed = Counter(log.read_text().splitlines())
    assert set(computed.values()) == {1}
    assert len(computed) == len(campaign.evaluations) == 10
    assert outcomes(campaign).items() >= finished.items()
    failed = [item for item in campaign.evaluations if item.state is EvaluationState.FAILED]
    assert {item.outcome.failure.message for item in failed} == {"ValueError: the oven is cold"}
    assert 0 < len(failed) < 10
    assert campaign.best["y"] <= 0.9
    assert "function: measure" in campaign.yaml

    script.write_text(script.read_text().replace("0.3) ** 2", "0.4) ** 2"))
    changed = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert SpecChangedError.__name__ in changed.stderr
    assert "calculator.file_sha256" in changed.stderr

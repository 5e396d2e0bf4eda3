"""Suites that ``make test`` runs only when something that they test has changed.

Each belongs to a part of the product that rarely changes, or is a slow run of benchmarks. It runs when one of its files has
changed since the last complete run, whose commit ``full_run.json`` names. ``make test-all`` runs everything; if all tests pass,
it writes the commit there. Where git does not know that commit, everything runs.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FULL_RUN = Path(__file__).with_name("full_run.json")
"""Names the commit whose complete run passed."""

CHANGED = "--changed-suites"
EVERYTHING = "--record-full-run"

SHARED = (
    "constraints.txt",
    "pyproject.toml",
    "setup.py",
    "benchmarks/command.py",
    "models/domain/pool.py",
    "models/domain/ports.py",
    "models/domain/surrogates.py",
    "tests/conftest.py",
    "tests/support/benchmark",
    "tests/support/suites.py",
)
"""A change of these runs every suite: versions, and the ports by which the parts know each other."""


@dataclass(frozen=True)
class Suite:
    """Tests that belong together.

    Attributes:
        name: Shown when it is left out.
        tests: Beginnings of its tests' paths.
        sources: Beginnings of the paths of what they test.
    """

    name: str
    tests: tuple[str, ...]
    sources: tuple[str, ...]


DRIVING = (
    "deploy/cli/",
    "models/domain/",
    "tasks/act/commands/",
    "tasks/backends/",
    "tasks/ground/",
    "tasks/jobs/",
    "tasks/loop/",
    "tasks/node/",
)
"""What every command that drives a campaign runs."""

SUITES = (
    Suite(
        "installations without rooms",
        tests=("tests/integration/test_without_rooms.py",),
        sources=(
            "deploy/cli/offered.py",
            "deploy/cli/results.py",
            "deploy/web/app.py",
            "deploy/web/pages/rendering.py",
            "models/domain/door.py",
            "models/domain/ours.py",
            "models/domain/rooms.py",
            "tansaku/",
            "tasks/act/measurements/campaign_view.py",
            "tasks/act/replay/methods.py",
            "tasks/read/figures/campaign.py",
        ),
    ),
    Suite(
        "sparse modelling",
        tests=("tests/sparse/", "tests/unit/models/averaging/"),
        sources=(
            "benchmarks/exafs/",
            "benchmarks/modes/",
            "benchmarks/sparse/",
            "benchmarks/spectra/",
            "deploy/cli/offered.py",
            "deploy/web/app.py",
            "deploy/web/pages/rendering.py",
            "models/averaging/",
            "models/domain/rooms.py",
            "rooms/sparse/",
        ),
    ),
    Suite(
        "other optimisers",
        tests=("tests/peers/",),
        sources=(
            "benchmarks/driven.py",
            "benchmarks/everyday/",
            "benchmarks/parameters/",
            "benchmarks/peers/",
            "rooms/peers/",
            "models/engine/proposer_registry.py",
            "tasks/act/replay/",
        ),
    ),
    Suite(
        "potentials and voxels",
        tests=(
            "tests/contracts/test_surrogates.py",
            "tests/potentials/",
        ),
        sources=(
            "benchmarks/potential/",
            "benchmarks/voxel/",
            "calculators/engines/",
            "models/domain/specs/",
            "models/features/",
            "models/averaging/",
            "models/surrogates/",
            "rooms/potentials/",
            "tasks/loop/datasets/",
            "tasks/loop/retraining/",
            "tasks/loop/training/",
            "tests/support/materials.py",
            "tests/support/mortal.py",
        ),
    ),
    Suite(
        "local energies",
        tests=(
            "tests/integration/benchmarks/test_active_choice.py",
            "tests/integration/benchmarks/test_compound_energies.py",
            "tests/integration/benchmarks/test_first_look.py",
            "tests/integration/benchmarks/test_local_energies.py",
            "tests/integration/benchmarks/test_screening.py",
        ),
        sources=(
            "benchmarks/local_energies/",
            "calculators/engines/",
            "calculators/workflows/boundary",
            "examples/mgo.cif",
            "models/features/",
            "models/surrogates/",
            "tasks/loop/datasets/",
            "tasks/loop/retraining/",
            "tasks/read/screening/",
            "tasks/loop/training/",
        ),
    ),
    Suite(
        "barriers and diffusion",
        tests=(
            "tests/diffusion/",
            "tests/integration/benchmarks/test_barriers",
            "tests/integration/benchmarks/test_composition_benchmark.py",
            "tests/integration/benchmarks/test_looks_benchmark.py",
            "tests/integration/benchmarks/test_tavorite_benchmark.py",
            "tests/unit/calculators/workflows/migration",
            "tests/unit/calculators/workflows/test_migration_barrier.py",
        ),
        sources=(
            "benchmarks/barriers/",
            "benchmarks/barriers_dft/",
            "benchmarks/composition/",
            "benchmarks/intervals.py",
            "benchmarks/looks/",
            "benchmarks/paths/",
            "benchmarks/tavorite/",
            "calculators/engines/",
            "calculators/structures/",
            "calculators/workflows/",
            "rooms/diffusion/",
            "models/engine/barrier.py",
            "models/engine/dominance.py",
            "models/engine/flood.py",
            "models/engine/pathwise.py",
            "models/engine/percolation.py",
            "spaces/",
        ),
    ),
    Suite(
        "benchmarks of boundaries",
        tests=(
            "tests/integration/benchmarks/test_boundaries.py",
            "tests/integration/benchmarks/test_boundary_positions.py",
            "tests/integration/benchmarks/test_boundary_search.py",
            "tests/integration/benchmarks/test_relaxation.py",
        ),
        sources=(
            "benchmarks/boundaries/",
            "benchmarks/boundary_positions/",
            "benchmarks/boundary_search/",
            "benchmarks/relaxation/",
            "calculators/engines/lammps",
            "calculators/engines/relaxation.py",
            "calculators/structures/",
            "calculators/workflows/boundary",
            "models/engine/",
            "spaces/",
            "tasks/node/",
        ),
    ),
    Suite(
        "proposers and benchmarks of the engine",
        tests=(
            "tests/contracts/test_proposers.py",
            "tests/integration/benchmarks/test_batches.py",
            "tests/integration/benchmarks/test_pool_posterior.py",
            "tests/integration/benchmarks/test_rehearsal_benchmark.py",
            "tests/integration/benchmarks/test_stopping.py",
            "tests/integration/benchmarks/test_target_search_benchmark.py",
            "tests/integration/benchmarks/test_transfer_curves.py",
            "tests/unit/benchmarks/",
        ),
        sources=(
            "benchmarks/boundaries/cost.py",
            "benchmarks/boundaries/index.py",
            "benchmarks/boundary_thickness/",
            "benchmarks/composition/",
            "benchmarks/everyday/",
            "benchmarks/peers/",
            "benchmarks/pool_posterior/",
            "benchmarks/replays/",
            "benchmarks/synthetic.py",
            "benchmarks/target_search/",
            "benchmarks/transfer/",
            "models/domain/specs/",
            "models/engine/",
            "models/averaging/",
            "tasks/act/checks/rehears",
            "tasks/act/replay/",
            "tasks/loop/ledger/",
            "tasks/loop/steps/",
            "tasks/loop/transfer/",
        ),
    ),
    Suite(
        "benchmarks of stores and dashboard",
        tests=(
            "tests/integration/benchmarks/test_dashboard_benchmark.py",
            "tests/integration/benchmarks/test_growth.py",
            "tests/integration/benchmarks/test_queue_benchmark.py",
        ),
        sources=(
            "benchmarks/dashboard/",
            "benchmarks/ended_jobs.py",
            "benchmarks/driven.py",
            "benchmarks/growth/",
            "benchmarks/overhead/",
            "benchmarks/queue/",
            "deploy/web/",
            "models/domain/search_state.py",
            "tasks/loop/driver/",
            "tasks/backends/launchers/",
            "tasks/loop/ledger/",
            "tasks/loop/steps/",
            "tasks/backends/stores/",
            "tasks/read/views/",
        ),
    ),
    Suite(
        "calculators",
        tests=(
            "tests/contracts/test_calculators.py",
            "tests/unit/calculators/structures/test_oxide_cells.py",
            "tests/unit/calculators/workflows/test_own_crystal.py",
            "tests/unit/tasks/node/jobs/test_barrier.py",
        ),
        sources=(
            "calculators/",
            "models/domain/",
            "models/features/",
            "models/surrogates/",
            "tasks/node/",
            "rooms/potentials/",
            "tests/contracts/conftest.py",
            "tests/potentials/al-",
            "tests/support/pair_program.py",
        ),
    ),
    Suite(
        "killed drivers",
        tests=("tests/integration/faults/",),
        sources=(
            *DRIVING,
            "deploy/plugin_template/",
            "flows/",
            "models/engine/",
            "rooms/diffusion/",
            "spaces/",
            "tests/support/campaign_files.py",
            "tests/support/every_kind.py",
            "tests/support/kill_points.py",
            "tests/support/plugin_packages.py",
            "tests/support/warm_worker",
            "tests/support/workers.py",
        ),
    ),
    Suite(
        "Prefect",
        tests=(
            "tests/integration/prefect/test_postgres.py",
            "tests/integration/prefect/test_private_server.py",
            "tests/integration/prefect/test_requests.py",
            "tests/integration/prefect/test_restarts.py",
            "tests/integration/prefect/test_retraining.py",
            "tests/integration/prefect/test_schedules.py",
            "tests/integration/prefect/test_serve_kills.py",
            "tests/integration/prefect/test_service.py",
            "tests/integration/prefect/test_steering.py",
        ),
        sources=(
            *DRIVING,
            "flows/",
            "tests/integration/prefect/",
            "tests/support/campaign_files.py",
            "tests/support/prefect_",
            "tests/support/served.py",
            "tests/support/warm_worker",
        ),
    ),
    Suite(
        "launchers and the database server",
        tests=(
            "tests/contracts/test_launchers.py",
            "tests/integration/mongo/test_embedded_mongod.py",
            "tests/integration/mongo/test_interrupted_writes.py",
        ),
        sources=(
            "deploy/hpc/",
            "models/domain/",
            "tasks/act/commands/export_import.py",
            "tasks/backends/",
            "tasks/ground/",
            "tasks/jobs/",
            "tasks/node/",
            "tests/contracts/conftest.py",
            "tests/integration/mongo/conftest.py",
            "tests/support/fireworks_backend.py",
            "tests/support/killed_writes.py",
            "tests/support/servers.py",
            "tests/support/slurm_cluster.py",
        ),
    ),
    Suite(
        "SLURM",
        tests=(
            "tests/integration/slurm/test_campaigns.py",
            "tests/integration/slurm/test_cluster_commands.py",
            "tests/integration/slurm/test_database_faults.py",
            "tests/integration/slurm/test_faults.py",
            "tests/integration/slurm/test_late_results.py",
            "tests/integration/slurm/test_queue.py",
            "tests/integration/slurm/test_slurm_bundles.py",
            "tests/integration/slurm/test_slurm_reconcile.py",
            "tests/integration/slurm/test_slurm_training.py",
        ),
        sources=(
            *DRIVING,
            "deploy/hpc/",
            "tests/integration/slurm/",
            "tests/support/fireworks_backend.py",
            "tests/support/servers.py",
            "tests/support/slurm_cluster.py",
        ),
    ),
    Suite(
        "density-functional theory",
        tests=(
            "tests/contracts/test_dft_calculators.py",
            "tests/integration/dft/",
            "tests/integration/slurm/test_slurm_dft.py",
            "tests/unit/calculators/engines/test_atomate2.py",
            "tests/unit/calculators/engines/test_cp2k_shell.py",
            "tests/unit/calculators/engines/test_espresso.py",
            "tests/unit/calculators/engines/test_gpaw.py",
            "tests/unit/calculators/engines/test_vasp",
        ),
        sources=(
            "calculators/",
            "models/domain/specs/",
            "tasks/node/",
            "tests/support/cp2k_stand_in.py",
            "tests/support/vasp_program.py",
        ),
    ),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(CHANGED, action="store_true", help="leave out suites of which nothing has changed")
    parser.addoption(EVERYTHING, action="store_true", help="write the commit into full_run.json if all tests pass")


def unchanged(changed: Iterable[str] | None) -> tuple[Suite, ...]:
    """The suites of which no file has changed.

    Args:
        changed: Paths of the changed files, relative to the repository; None: unknown, so every suite runs.
    """
    if changed is None:
        return ()
    files = list(changed)
    return tuple(suite for suite in SUITES if not any(file.startswith(SHARED + suite.tests + suite.sources) for file in files))


def changed_files(root: Path, commit: str) -> list[str] | None:
    """Files that differ from a commit, with those that git does not track yet.

    Returns:
        Their paths; None where git does not know the commit.
    """
    found: list[str] = []
    for arguments in (["diff", "--name-only", "--no-renames", commit, "--"], ["ls-files", "--others", "--exclude-standard"]):
        lines = _git(root, arguments)
        if lines is None:
            return None
        found += lines
    return found


def _git(root: Path, arguments: Sequence[str]) -> list[str] | None:
    """Lines of git's output; None where it fails or is not installed."""
    # A hook of git's sets variables that would lead to another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        ended = subprocess.run(["git", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return None if ended.returncode else ended.stdout.splitlines()


def last_full_run() -> str:
    """The commit whose complete run passed."""
    return str(json.loads(FULL_RUN.read_text())["commit"])


def left_out(config: pytest.Config) -> tuple[Suite, ...]:
    """The suites that this run leaves out."""
    return unchanged(changed_files(ROOT, last_full_run())) if config.getoption(CHANGED) else ()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    begins = tuple(begin for suite in left_out(config) for begin in suite.tests)
    if begins:
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid.startswith(begins)])
        items[:] = [item for item in items if not item.nodeid.startswith(begins)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config) -> None:
    for suite in left_out(config):
        terminalreporter.write_line(
            f"not run: {suite.name}; nothing that it tests has changed since {last_full_run()[:8]} (make test-all runs it)"
        )
    if config.getoption(EVERYTHING):
        terminalreporter.write_line(_recorded(exitstatus, complete=_is_complete(config)))


def _is_complete(config: pytest.Config) -> bool:
    asked = config.option
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not (asked.collectonly or asked.keyword)


def _recorded(exitstatus: int, *, complete: bool) -> str:
    """Writes the commit of a complete run that passed, and says what was done."""
    if exitstatus != 0 or not complete:
        return "full_run.json stays: not all tests passed"
    if _git(ROOT, ["status", "--porcelain"]) != []:
        return "full_run.json stays: files differ from the commit, or this is no clone"
    commit = (_git(ROOT, ["rev-parse", "HEAD"]) or [""])[0]
    FULL_RUN.write_text(json.dumps({"commit": commit}) + "\n")
    return f"full_run.json names {commit[:8]}"

"""Options and results of a benchmark."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.specs.campaign import CampaignSpec


class ReplayTask(Record):
    """One run: one method, one seed.

    Attributes:
        spec: The campaign, resolved.
        base_path: Folder in which its relative paths start.
        method: See :mod:`tansaku.tasks.act.replay.methods`.
        in_flight: Evaluations in progress at once.
        spread: Standard deviation of the logarithm of run time over cost.
        count_initial: Whether costs and budget count the initial design.
        within: Tolerance of ``n_within`` [objective's unit].
        cost_power: The table's cost is raised to this power.
    """

    spec: CampaignSpec
    base_path: str
    method: str
    seed: int
    in_flight: int = 1
    count_initial: bool = False
    within: float = 1.0
    cost_power: float = 1.0
    spread: float = 0.0


class BenchRun(Record):
    """One run's curves: one entry per evaluation, the initial design included.

    They are in the order of the proposals, in free mode in the order in which the evaluations ended.

    Attributes:
        cost: Cumulative cost. Zero is the end of the initial design (whose own entries are then at or below zero), or the
            very start when the initial design counts.
        mean_gap: Mean over systems of best found less true optimum [objective's unit].
        n_exact: Systems whose optimum is found.
        worst_gap: Largest gap of a system.
        n_within: Systems within the tolerance.
        n_initial: Entries, from the front, that are the initial design.
        initial_cost: What they cost.
        n_failed: Evaluations whose value is NaN.
        candidates: Ids in that order.
        time: When each ended, on a clock on which an evaluation takes its cost times its spread; empty in older files.
        volume: With several objectives: dominated volume as a share of what the table's true front dominates.
        stop: Why the run ended, None when the method had nothing more to propose.
        seconds: Wall time of the run without opening the table [s].
        peak_memory_mb: Largest resident size of the run's process [MiB].
    """

    method: str
    seed: int
    cost: list[float]
    mean_gap: list[float]
    n_exact: list[int]
    worst_gap: list[float]
    n_within: list[int]
    n_initial: int
    initial_cost: float
    n_failed: int
    candidates: list[str]
    time: list[float] = Field(default_factory=list)
    volume: list[float] = Field(default_factory=list)
    stop: str | None
    seconds: float
    peak_memory_mb: float


class BenchResult(Record):
    """A benchmark's file.

    Attributes:
        provenance: The methods compared, the table, and the versions of the code.
        exhaustive_cost: Cost of all candidates.
    """

    schema_version: Literal[1] = 1
    provenance: JsonDict
    exhaustive_cost: float
    runs: list[BenchRun]

    def methods(self) -> list[str]:
        """Methods that have runs, in the order they were asked for."""
        asked: list[str] = self.provenance.get("methods", [])
        made = {run.method for run in self.runs}
        return [*(method for method in asked if method in made), *sorted(made - set(asked))]


class BenchOptions(Record):
    """Options of a comparison.

    Attributes:
        methods: Names.
        seeds: Seeds; each method runs with each of them.
        jobs: Runs at once, one process each.
        budget: Replaces the campaign's budget: a cost; None keeps the campaign's.
        budget_fraction: The same as a share of the exhaustive cost.
        resume: Keep the runs an interrupted benchmark of the same options has finished.
        in_flight: Evaluations in progress at once; None: 1, or what a file with ``asynchrony: free`` says.
        spread: Standard deviation of the logarithm of run time over cost.
    """

    methods: tuple[str, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(min_length=1)
    jobs: int = Field(default=1, ge=1, le=1024)
    budget: float | None = Field(default=None, gt=0)
    budget_fraction: float | None = Field(default=None, gt=0, le=1)
    resume: bool = False
    count_initial: bool = False
    within: float = Field(default=1.0, ge=0)
    in_flight: int | None = Field(default=None, ge=1)
    cost_power: float = Field(default=1.0, gt=0)
    spread: float = Field(default=0.0, ge=0, le=3)

    def task_options(self, spec: CampaignSpec) -> dict[str, Any]:
        """Returns the options that every run is given."""
        free = spec.execution.asynchrony == "free"
        found = self.model_dump(include={"count_initial", "within", "cost_power"})
        found["in_flight"] = self.in_flight or (spec.execution.in_flight if free else 1)
        # Left out where it is nothing, so that comparisons made before it existed can be resumed.
        return found | ({"spread": self.spread} if self.spread else {})

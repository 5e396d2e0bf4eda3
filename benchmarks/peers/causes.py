"""``python -m benchmarks.peers.causes --table CAMPAIGN --budget 0.3 --out causes.json``: what sets Ax's model apart from ours.

Ax's default model, written again with numpy so that a search takes a second: a squared exponential of all columns with a
lengthscale for each, whose priors grow with the number of columns (Hvarfner, Hellsten & Nardi 2024,
https://doi.org/10.48550/arXiv.2402.02229), of the variance of the data, around an estimated mean; very bad values are cut off;
fitted before each proposal; expected improvement. Then one property after the other is changed to ours, and the priors of our
own engine to Ax's. An interrupted run continues with the same command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp, log, sqrt
from pathlib import Path
from unittest.mock import patch

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

from benchmarks.command import begun, command
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import Proposer
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.kernel import DistanceKernelSpec, SameKernelSpec, SumKernelSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine import gp, presets
from tansaku.models.engine.acquisition import log_expected_improvement
from tansaku.models.engine.kernels import Kernel, Product, Scale, Stationary, Sum
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.peers.problem import Encoding, Problem, Suggestion
from tansaku.peers.proposer import SystemPeer
from tansaku.tasks.act.replay import run as replays
from tansaku.tasks.act.replay.methods import WithInitialDesign, paired_design
from tansaku.tasks.act.replay.records import BenchOptions, ReplayTask
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

LAYOUT = 1
SHARES = (0.03, 0.1, 0.15, 0.3)
_LEAST_LENGTH, _LEAST_NOISE = 0.025, 1e-4
_NOISE_CENTRE, _NOISE_WIDTH = -4.0, 1.0


@dataclass(frozen=True)
class Switches:
    """Differences of the model from Ax's.

    Attributes:
        columns: Columns as they are instead of principal components of groups.
        short: Lengthscales centred at 0.3 of a column's range however many there are, as ours, instead of Ax's prior.
        grown: As ``short``, times the square root of the number of columns.
        variance: The variance is fitted, with our prior, instead of that of the data.
        zero: The mean is that of the measured values instead of an estimated one.
    """

    columns: bool = False
    short: bool = False
    grown: bool = False
    variance: bool = False
    zero: bool = False

    def length_prior(self, columns: int) -> tuple[float, float]:
        """Centre and width of the logarithm of a lengthscale."""
        if self.short or self.grown:
            return log(0.3 * (sqrt(columns) if self.grown else 1.0)), 1.0
        return sqrt(2.0) + 0.5 * log(columns), sqrt(3.0)


MODELS = {
    "ax-model": Switches(),
    "short": Switches(short=True),
    "columns": Switches(columns=True),
    "columns, short": Switches(columns=True, short=True),
    "columns, grown": Switches(columns=True, grown=True),
    "variance": Switches(short=True, variance=True),
    "zero": Switches(short=True, zero=True),
    "variance, zero": Switches(short=True, variance=True, zero=True),
}
ONE_PRODUCT = SumKernelSpec(terms=(SameKernelSpec(of="system"), DistanceKernelSpec(type="rbf")))
ENGINES: dict[str, tuple[bool, SumKernelSpec | None]] = {
    "default": (False, None),
    "default, one product": (False, ONE_PRODUCT),
    "default, grown": (True, None),
    "default, grown, one product": (True, ONE_PRODUCT),
}
"""Whether lengthscales grow with the number of columns, and the kernel."""


class AxModel:
    """``Optimiser`` of one system; see the module.

    Args:
        switches: What is changed.
    """

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    def suggest(self, problem: Problem) -> Suggestion:
        """The next candidate."""
        features = _columns(problem.encoding) if self._switches.columns else problem.encoding.matrix
        lower, upper = np.quantile(problem.values, [0.25, 0.75])
        cut = np.minimum(problem.values, upper + 1.5 * (upper - lower))
        deviation = float(cut.std(ddof=1)) or 1.0
        targets = (cut - cut.mean()) / deviation
        known, free = features[problem.rows], features[problem.free]
        density = _Density(self._switches, known, targets)
        vector = density.highest()
        mean, spread = density.predicted(vector, free)
        gain = log_expected_improvement(mean, spread, np.full(len(mean), float(targets.min())))
        best = int(np.argmax(gain))
        return Suggestion(int(problem.free[best]), exp(float(gain[best])) * deviation)


class _Density:
    """Log posterior density of lengthscales, noise and, if it is fitted, variance; all by their logarithms."""

    def __init__(self, switches: Switches, known: FloatArray, targets: FloatArray) -> None:
        self._switches, self._known, self._targets = switches, known, targets
        self._squares = np.square(known[:, None, :] - known[None, :, :])
        self._columns = known.shape[1]
        self._centre, self._width = switches.length_prior(self._columns)
        self._ax_prior = not (switches.short or switches.grown)

    def highest(self) -> FloatArray:
        """Returns the point of highest density, searched from the priors' modes (Ax) or centres (ours)."""
        start = [self._centre - (self._width**2 if self._ax_prior else 0.0)] * self._columns
        start.append(_NOISE_CENTRE - (_NOISE_WIDTH**2 if self._ax_prior else 0.0))
        bounds = [(log(_LEAST_LENGTH), 8.0)] * self._columns + [(log(_LEAST_NOISE), 3.0)]
        if self._switches.variance:
            start.append(log(0.3))
            bounds.append((-5.0, 5.0))
        low, high = np.array(bounds).T
        found = minimize(
            self._negative, np.clip(start, low, high), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200}
        )
        return np.asarray(found.x)

    def predicted(self, vector: FloatArray, free: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means and deviations of other candidates, without noise."""
        lengths, variance = np.exp(vector[: self._columns]), self._variance(vector)
        factor, mean, weights, _ = self._solved(vector)
        ours, theirs = self._known / lengths, free / lengths
        apart = np.square(theirs).sum(axis=1)[:, None] + np.square(ours).sum(axis=1)[None, :] - 2.0 * theirs @ ours.T
        cross = variance * np.exp(-0.5 * np.maximum(apart, 0.0))
        solved = solve_triangular(factor[0], cross.T, lower=True)
        return mean + cross @ weights, np.sqrt(np.maximum(variance - np.square(solved).sum(axis=0), 1e-12))

    def _variance(self, vector: FloatArray) -> float:
        return exp(float(vector[self._columns + 1])) if self._switches.variance else 1.0

    def _solved(self, vector: FloatArray) -> tuple[tuple[FloatArray, bool], float, FloatArray, FloatArray]:
        """Cholesky factor, mean, solved residuals and correlations."""
        scaled = self._squares / np.square(np.exp(vector[: self._columns]))
        correlations = np.exp(-0.5 * scaled.sum(axis=-1))
        noise = exp(float(vector[self._columns]))
        factor = cho_factor(self._variance(vector) * correlations + noise * np.eye(len(self._targets)), lower=True)
        ones = cho_solve(factor, np.ones(len(self._targets)))
        mean = 0.0 if self._switches.zero else float(ones @ self._targets / ones.sum())
        return factor, mean, cho_solve(factor, self._targets - mean), correlations

    def _negative(self, vector: FloatArray) -> tuple[float, FloatArray]:
        n, columns = len(self._targets), self._columns
        factor, mean, weights, correlations = self._solved(vector)
        value = -0.5 * float((self._targets - mean) @ weights) - float(np.log(np.diag(factor[0])).sum())
        sensitivity = np.outer(weights, weights) - cho_solve(factor, np.eye(n))
        covariance = self._variance(vector) * correlations
        squares = self._squares / np.square(np.exp(vector[:columns]))
        gradient = np.empty_like(vector)
        gradient[:columns] = 0.5 * np.einsum("ij,ijd->d", sensitivity * covariance, squares)
        gradient[columns] = 0.5 * exp(float(vector[columns])) * float(np.trace(sensitivity))
        centres = np.r_[np.full(columns, self._centre), _NOISE_CENTRE]
        widths = np.r_[np.full(columns, self._width), _NOISE_WIDTH]
        if self._switches.variance:
            gradient[columns + 1] = 0.5 * float((sensitivity * covariance).sum())
            centres, widths = np.r_[centres, log(0.3)], np.r_[widths, 1.5]
        away = (vector - centres) / widths
        value -= 0.5 * float(away @ away)
        gradient -= away / widths
        # Ax's priors are densities of the parameters themselves, ours of their logarithms; the noise's is Ax's in both.
        own = np.arange(len(vector)) <= columns if self._ax_prior else np.arange(len(vector)) == columns
        return -(value - float(vector[own].sum())), -(gradient - own)


def _columns(encoding: Encoding) -> FloatArray:
    return np.concatenate([encoding.numbers, *(group.rows[group.codes] for group in encoding.descriptors)], axis=1)


def grown(kernel: Kernel) -> Kernel:
    """A kernel with ``long`` lengthscales in all its parts."""
    match kernel:
        case Stationary():
            return replace(kernel, long=True)
        case Scale():
            return replace(kernel, kernel=grown(kernel.kernel))
        case Sum():
            return Sum(tuple(map(grown, kernel.terms)))
        case Product():
            return Product(tuple(map(grown, kernel.factors)))
        case _:
            return kernel


def build(name: str, spec: CampaignSpec, _pool: CandidatePool, _base_path: Path) -> Proposer:
    """The proposer of a variant; replaces ``build_method``."""
    if name in MODELS:
        return WithInitialDesign(SystemPeer(name, lambda: AxModel(MODELS[name])), build_proposer(paired_design(spec.proposer)))
    own = GPProposerSpec(preset="default", kernel=ENGINES[name][1])
    return build_proposer(own, spec.objective, spec.constraints)


def search(spec: CampaignSpec, base_path: str, name: str, seed: int, options: Mapping[str, object]) -> JsonDict:
    """Replays one variant with one seed: mean gap at shares of the exhaustive cost, and optima that are found exactly."""
    task = ReplayTask.model_validate({"spec": spec, "base_path": base_path, "method": name, "seed": seed, **options})
    kernel_of = presets.model_kernel
    change = grown if name in ENGINES and ENGINES[name][0] else (lambda kernel: kernel)
    changed = patch.object(gp, "model_kernel", lambda settings, pool: change(kernel_of(settings, pool)))
    with patch.object(replays, "build_method", build), changed:
        run = replays.run_one(task)
    total = float(replays.open_table(task).pool().cost.sum())
    places = np.searchsorted(run.cost, np.array(SHARES) * total + 1e-9, side="right") - 1
    gaps = [run.mean_gap[max(int(place), run.n_initial - 1)] for place in places]
    return {"variant": name, "seed": seed, "gap": gaps, "exact": run.n_exact[-1]}


def main() -> None:
    """Runs and writes the comparison."""
    parser = command("peers.causes", __doc__, quick="one seed, a few proposals")
    parser.add_argument("--table", type=Path, required=True, help="campaign file on a table")
    parser.add_argument("--seeds", type=int, default=12, help="how many")
    parser.add_argument("--budget", type=float, default=0.3, help="share of the exhaustive cost")
    parser.add_argument("--variants", nargs="+", choices=[*ENGINES, *MODELS], default=[*ENGINES, *MODELS])
    given = parser.parse_args()
    campaign = load_campaign(given.table)
    share = 0.02 if given.quick else given.budget
    options = BenchOptions(methods=("default",), seeds=(0,), budget_fraction=share)
    budget = campaign.spec.budget.model_copy(update={"fraction": share})
    spec = campaign.spec.model_copy(update={"budget": budget})
    document = begun(
        given.out, {"schema_version": LAYOUT, "campaign": spec.name, "budget": share, "shares": list(SHARES)}, runs=[]
    )
    known = {(row["variant"], row["seed"]) for row in document["runs"]}
    for seed in range(1 if given.quick else given.seeds):
        for name in given.variants:
            if (name, seed) not in known:
                document["runs"].append(search(spec, str(campaign.base_path), name, seed, options.task_options(spec)))
                write_json(given.out, document | {"provenance": describe_machine()})
    for name in given.variants:
        mine = [row for row in document["runs"] if row["variant"] == name]
        if not mine:
            raise ConfigurationError(f"--variants: {name!r} has no run")
        gaps = " ".join(f"{gap:8.4f}" for gap in np.mean([row["gap"] for row in mine], axis=0))
        print(f"{name:28} {gaps}   exact {np.mean([row['exact'] for row in mine]):.2f}, {len(mine)} seeds")


if __name__ == "__main__":
    main()

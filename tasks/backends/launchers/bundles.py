"""Groups jobs of one campaign, calculator and set of resources into one job of the scheduler."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from tansaku.models.domain.specs.cluster import BundleSpec, FireworksLauncherSpec, SlurmResourcesSpec
from tansaku.tasks.backends.launchers.fireworks_documents import CarriedJob
from tansaku.tasks.backends.launchers.run_times import RunTimes
from tansaku.tasks.node.jobs.document import TRAINING, kind_of_work

_SHARE = 0.8  # of a walltime that may be planned for: run times are expected ones


@dataclass(frozen=True)
class Kind:
    """Properties that the members of a bundle share."""

    campaign: str
    calculator: str
    resources: SlurmResourcesSpec
    bundle: int | BundleSpec


def kind_of(spec: FireworksLauncherSpec, job: CarriedJob) -> Kind:
    """Resources that a job needs according to the site file."""
    name, cost = kind_of_work(job.request.document), job.request.cost
    # A training waits for nobody, and nobody for it.
    bundle = 1 if name == TRAINING else spec.bundle_for(name, cost)
    return Kind(job.campaign, name, spec.resources_for(name, cost), bundle)


@dataclass
class _Waiting:
    """Jobs that are too few for a launch, and since when."""

    names: frozenset[str]
    since: float
    changed: float


@dataclass
class _Pile:
    jobs: list[CarriedJob] = field(default_factory=list)
    seconds: float = 0.0


class Bundler:
    """Collects jobs into bundles. One pass: :meth:`begin`, :meth:`add` for each job, :meth:`rest`.

    A full bundle is launched. A partial bundle waits while jobs of its campaign are running, which lead to new candidates when
    they end, but never longer than ``bundle_wait``; if none is running, it waits until no job was added for a ``look``. A
    bundle holds jobs that are ready at one moment, so it is never larger than the campaign's ``in_flight``.

    Args:
        spec: The launcher part of the site file.
        times: Run times so far.
    """

    def __init__(self, spec: FireworksLauncherSpec, times: RunTimes) -> None:
        self._spec = spec
        self._times = times
        self._piles: dict[Kind, _Pile] = {}
        self._waiting: dict[Kind, _Waiting] = {}

    def begin(self) -> None:
        """Begins a pass. Raises TransientError."""
        self._piles.clear()
        if any(bundle != 1 for bundle in (self._spec.bundle, *(name.bundle for name in self._spec.classes))):
            self._times.learn()

    def add(self, job: CarriedJob) -> Iterator[list[CarriedJob]]:
        """Adds a job; returns the jobs of each bundle that it completes."""
        kind = kind_of(self._spec, job)
        expected = self._times.seconds(kind.campaign, kind.calculator, job.request.cost)
        if kind.bundle == 1 or (isinstance(kind.bundle, BundleSpec) and expected is None):
            yield [job]
            return
        seconds = job.request.timeout if expected is None else expected
        pile = self._piles.setdefault(kind, _Pile())
        limit = kind.resources.walltime
        if pile.jobs and limit is not None and pile.seconds + seconds > _SHARE * limit:
            yield self._taken(kind)
            pile = self._piles.setdefault(kind, _Pile())
        pile.jobs.append(job)
        pile.seconds += seconds
        if _full(kind.bundle, pile):
            yield self._taken(kind)

    def rest(self, under_way: Collection[str]) -> Iterator[list[CarriedJob]]:
        """Returns the jobs of partial bundles that have waited long enough.

        Args:
            under_way: Campaigns with jobs in the scheduler.
        """
        now, waited = time.monotonic(), self._waiting
        self._waiting = {}
        for kind, pile in self._piles.items():
            names, known = frozenset(job.request.name for job in pile.jobs), waited.get(kind)
            since = known.since if known is not None and known.names & names else now
            changed = known.changed if known is not None and known.names == names else now
            settled = now - changed >= min(self._spec.look, self._spec.bundle_wait)
            if now - since >= self._spec.bundle_wait or (settled and kind.campaign not in under_way):
                yield pile.jobs
            else:
                self._waiting[kind] = _Waiting(names, since, changed)

    def _taken(self, kind: Kind) -> list[CarriedJob]:
        self._waiting.pop(kind, None)
        return self._piles.pop(kind).jobs


def _full(bundle: int | BundleSpec, pile: _Pile) -> bool:
    if isinstance(bundle, BundleSpec):
        return pile.seconds >= bundle.at_least or len(pile.jobs) >= bundle.at_most
    return len(pile.jobs) >= bundle

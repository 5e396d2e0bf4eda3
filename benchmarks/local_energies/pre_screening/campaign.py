"""One campaign over the recorded structures, with or without surrogate pre-screening."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.local_energies.cases import DATA
from benchmarks.local_energies.pre_screening.recorded import (
    KINDS,
    RecordedLauncher,
    computed_energy,
    kind_of,
    recorded,
    structures,
)
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.authors import Actor
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculators.chgnet import ChgnetSpec
from tansaku.models.domain.specs.site import SiteSpec, TimingSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.ground.formats.yaml_text import read_yaml
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import drive
from tansaku.tasks.node.configuration.campaign_files import campaign_from_data
from tansaku.tasks.node.jobs.document import FIRST_LOOK_DEVIATION, FIRST_LOOK_ENERGY
from tansaku.tasks.node.jobs.opened import opened_bulk

EXAMPLE = Path(__file__).parents[3] / "examples" / "al-first-look.yaml"
"""The campaign whose jobs are replaced by recorded results."""

NAME = "first-look"


@dataclass(frozen=True)
class Case:
    """A campaign.

    Attributes:
        order: ``cheapest``: small cells first; else the seed of a random order.
        deviations: Of the pre-screening; None: without it, every label is computed.
        every: Results from one training to the next.
        systems: Boundaries taken, those with the smallest cells first; None for all.
        light: Radial functions alone, quickly trained.
        kind: Of the label, key of :data:`~benchmarks.local_energies.pre_screening.recorded.KINDS`.
    """

    order: str
    deviations: float | None
    every: int = 30
    systems: int | None = None
    light: bool = False
    kind: str = "chgnet"


def candidates(order: str, systems: int | None) -> list[str]:
    """Recorded candidates in the order in which they are proposed.

    Args:
        order: See :class:`Case`.
        systems: See there.
    """
    known = structures()
    names = sorted(known, key=lambda name: (len(known[name]), name))
    chosen = set(list(dict.fromkeys(str(known[name].info["system"]) for name in names))[:systems])
    names = [name for name in names if known[name].info["system"] in chosen]
    return names if order == "cheapest" else list(np.random.default_rng(int(order)).permutation(names))


def example() -> JsonDict:
    """The example's data, pre-screening under the key by which campaigns store it."""
    return {"first_look" if key == "pre_screening" else key: value for key, value in read_yaml(EXAMPLE).data.items()}


def document(case: Case) -> JsonDict:
    """The campaign file: the example's, over the recorded candidates."""
    given = example()
    listed = candidates(case.order, case.systems)
    space = dict(read_yaml(DATA.with_name("al-tilt.yaml")).data["source"]["space"])
    changed = {"name": NAME, "space": space, "proposer": {"type": "listed", "candidates": listed}}
    given |= changed | {"budget": {"evaluations": len(listed)}, "execution": {"in_flight": 1, "polish": 0}}
    given["label"] = KINDS[case.kind].label
    if case.deviations is None:
        given["retrain"] = given["first_look"] = None
        return given
    given["retrain"] = given["retrain"] | {"every": case.every}
    if case.light:
        given["retrain"]["surrogate"] = {
            "type": "local_energies",
            "descriptors": [{"type": "radial", "widths": [0.4, 0.8]}],
            "total_weights": [0.0],
            "path_points": 12,
            "path_ratio": 1e-3,
        }
    given["first_look"] = given["first_look"] | {"deviations": case.deviations}
    return given


def run(case: Case) -> JsonDict:
    """Drives a campaign; returns its results and costs."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        launcher = RecordedLauncher(home / "jobs")
        resources = Resources(
            settings=Settings(home=home),
            site=SiteSpec(timing=TimingSpec(poll=1e-6)),
            store=MemoryCampaignStore(),
            artifacts=FileArtifactStore(home / "artifacts"),
            open_launcher=lambda _spec: launcher,
        )
        loaded = campaign_from_data(document(case), DATA.parent, "pre-screening")
        prepare_campaign(resources, Actor("benchmark", "benchmarks"), loaded)
        begun = time.process_time()
        ended = drive(resources, NAME)
        seconds = time.process_time() - begun
        found = _summary(resources, launcher)
    return (
        {
            "order": case.order,
            "deviations": case.deviations,
            "every": case.every,
            "label": case.kind,
            "ended": ended.reason,
        }
        | found
        | {"campaign_cpu_seconds": seconds}
    )


def _summary(resources: Resources, launcher: RecordedLauncher) -> JsonDict:
    evaluations, known = resources.store.evaluations(NAME), structures()
    kind, bulk = _label(resources.store.campaign(NAME).spec)
    truth = {
        evaluation.proposal.candidate: computed_energy(evaluation.proposal.candidate, bulk, kind) for evaluation in evaluations
    }
    found: dict[str, float] = {}
    least: dict[str, float] = {}
    labels, looks, spared = list[str](), [], []
    for evaluation in evaluations:
        proposal, outcome = evaluation.proposal, evaluation.outcome
        if outcome is None or outcome.value is None:
            raise AssertionError(f"{proposal.candidate}: no value")
        least[proposal.system] = min(truth[proposal.candidate], least.get(proposal.system, np.inf))
        looked = [
            outcome.quantities[key].value for key in (FIRST_LOOK_ENERGY, FIRST_LOOK_DEVIATION) if key in outcome.quantities
        ]
        if looked:
            looks.append([1000.0 * looked[0] - truth[proposal.candidate], 1000.0 * looked[1]])
        if outcome.predicted_by is not None:
            spared.append([proposal.number, 1000.0 * looked[0], truth[proposal.candidate]])
            continue
        labels.append(proposal.candidate)
        found[proposal.system] = min(outcome.value, found.get(proposal.system, np.inf))
    gaps = np.array([found[system] - least[system] for system in least])
    retrains = resources.store.retrains(NAME)
    return {
        "proposals": len(evaluations),
        "labels": len(labels),
        "labelled_atoms": sum(len(known[name]) for name in labels),
        "label_cpu_seconds": sum(times[name]["cpu_seconds"] for name in labels) if (times := recorded(kind)) else None,
        "all_atoms": sum(len(known[evaluation.proposal.candidate]) for evaluation in evaluations),
        "systems": len(gaps),
        "systems_with_the_same_answer": int((gaps < 1e-6).sum()),
        "largest_gap_mj_m2": float(gaps.max()),
        "mean_gap_mj_m2": float(gaps.mean()),
        **_looks(np.array(looks).reshape(-1, 2)),
        "spared": spared,
        "computed_numbers": [
            evaluation.proposal.number
            for evaluation in evaluations
            if evaluation.outcome is not None and evaluation.outcome.predicted_by is None
        ],
        "trainings": [
            {
                "at": begun.at_proposal,
                "results": begun.observations,
                "ok": end is not None and end.ok,
                "promoted": end is not None and end.promoted,
                "message": "" if end is None else end.message,
            }
            for begun, end in retrains
        ],
        "training_cpu_seconds": sum(launcher.training_seconds),
        "look_cpu_seconds": launcher.look_seconds,
    }


def _looks(errors: FloatArray) -> JsonDict:
    """Statistics of the pre-screening's predictions, from errors and predicted deviations [mJ/m^2], shape ``(n, 2)``."""
    if not len(errors):
        return {"looks": 0}
    off, deviations = np.abs(errors).T
    return {
        "looks": len(errors),
        "look_rmse_mj_m2": float(np.sqrt(np.square(off).mean())),
        "look_bias_mj_m2": float(errors[:, 0].mean()),
        "looks_within_one_deviation": float((off <= deviations).mean()),
        "looks_within_two_deviations": float((off <= 2.0 * deviations).mean()),
    }


def _label(spec: JsonDict) -> tuple[str, float]:
    """The label's kind, and its energy of an atom in the perfect crystal [eV]."""
    from tansaku.models.domain.specs.campaign import CampaignSpec
    from tansaku.models.domain.specs.grain_boundary import GrainBoundarySpaceSpec

    campaign = CampaignSpec.model_validate(spec)
    if campaign.label is None or not isinstance(campaign.space, GrainBoundarySpaceSpec):
        raise AssertionError("the campaign is of boundaries and has a label")
    return kind_of(campaign.label), opened_bulk(campaign.label.calculator, ".", campaign.space.crystal).energy_per_atom


def by_cheap_energy(kind: str) -> JsonDict:
    """Systems with the same answer where only the candidates with the lowest cheap energies get a label.

    Args:
        kind: Key of :data:`KINDS`.

    Returns:
        ``same_answer``: systems whose best candidate is among the one, two, … lowest of its six.
    """
    loaded = campaign_from_data(document(Case("cheapest", None, systems=KINDS[kind].systems, kind=kind)), DATA.parent, kind)
    _, bulk = _label(loaded.spec.model_dump(mode="json"))
    by_system: dict[str, list[tuple[float, float]]] = {}
    for name in candidates("cheapest", KINDS[kind].systems):
        atoms = structures()[name]
        pair = float(atoms.info["grain_boundary_energy"]), computed_energy(name, bulk, kind)
        by_system.setdefault(str(atoms.info["system"]), []).append(pair)
    places = np.array([np.argmin([label for _, label in sorted(pairs)]) for pairs in by_system.values()])
    most = max(len(pairs) for pairs in by_system.values())
    return {"label": kind, "systems": len(places), "same_answer": [int((places < count).sum()) for count in range(1, most + 1)]}


def cheap_seconds(count: int) -> JsonDict:
    """Time of the embedded-atom potential on this machine for a structure that the space builds, see :func:`_seconds`."""
    case = Case("cheapest", None, systems=KINDS["chgnet"].systems)
    spec = campaign_from_data(document(case), DATA.parent, "pre-screening").spec
    if spec.calculator is None:
        raise AssertionError("a campaign of boundaries has a calculator")
    space, calculator = open_space(spec.space, DATA.parent), open_calculator(spec.calculator, DATA.parent)
    relaxation = spec.calculator.relaxation
    return _seconds(count, lambda name: calculator.evaluate(space.structure(name), relaxation))


def label_seconds(count: int) -> JsonDict:
    """Time of CHGNet on this machine for a label without relaxation, see :func:`_seconds`."""
    calculator = open_calculator(ChgnetSpec(), DATA.parent)
    return _seconds(count, lambda name: calculator.evaluate(structures()[name].copy()))


def _seconds(count: int, compute: Callable[[str], CalculationResult]) -> JsonDict:
    """Processor time, fitted by a line through the origin to some structures.

    Args:
        count: Structures, from the smallest to the largest of the benchmark.
        compute: Computes a candidate.
    """
    names = candidates("cheapest", KINDS["chgnet"].systems)
    chosen = [names[i] for i in np.linspace(0, len(names) - 1, count).astype(int)]
    compute(chosen[0])
    atoms, seconds = [], []
    for name in chosen:
        begun = time.process_time()
        compute(name)
        atoms.append(len(structures()[name]))
        seconds.append(time.process_time() - begun)
    slope = float(np.dot(atoms, seconds) / np.dot(atoms, atoms))
    return {"structures": count, "cpu_seconds_per_atom": slope, "atoms": atoms, "cpu_seconds": seconds}

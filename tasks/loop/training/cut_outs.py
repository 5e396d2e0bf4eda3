"""Boundaries of a search, cut out for an expensive calculator: the lowest, and those of which a committee is least sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ase import Atoms

from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.records import CampaignRecord, Evaluation
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.surrogates import Disagreeing
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.loop.datasets.building import searched
from tansaku.tasks.loop.training.versions import find_model, open_model

ENDED = (EvaluationState.DONE, EvaluationState.FAILED)


@dataclass(frozen=True)
class CutOut:
    """A cell that an expensive calculator can compute.

    Attributes:
        candidate: Whose boundaries it has.
        system: Its system.
        state: ``relaxed`` by the search, or as it was ``built``.
        atoms: The cell.
        unsure: Largest disagreement of the committee in the force on one of its atoms [eV/Å].
    """

    candidate: str
    system: str
    state: str
    atoms: Atoms
    unsure: float

    def labelled(self, campaign: str) -> Atoms:
        """The cell with an ``id``, and its candidate as ``group``: no candidate is learned from and held out."""
        found: Atoms = self.atoms.copy()
        found.arrays = {key: found.arrays[key] for key in ("numbers", "positions")}
        found.info = {
            "id": f"{campaign}-{self.candidate}-{self.state}",
            "group": self.candidate,
            "system": self.system,
            "unsure": round(self.unsure, 4),
        }
        return found


@dataclass(frozen=True)
class CutOuts:
    """Chosen cells.

    Attributes:
        chosen: Those of each system, its lowest first.
        failures: Why cells were left out, with how many.
    """

    chosen: list[CutOut]
    failures: dict[str, int]


def choose_cut_outs(resources: Resources, campaign: str, model: str, most: int, each: int) -> CutOuts:
    """Chooses cells of each system: that of the lowest value, and those with the least sure atoms, one of each candidate.

    A candidate counts as the search relaxed it and as it was built; one that failed, as it was built.

    Args:
        campaign: A search of boundaries.
        model: Of the registry, whose members' disagreement decides, ``NAME`` or ``NAME@VERSION``.
        most: Atoms that a cell may have.
        each: Cells of a system.

    Raises:
        ConfigurationError: The space has no boundaries that can be cut out, the model has no members that disagree, or no cell
            can be cut out.
        NotFoundError: There is no such campaign or model.
    """
    record = resources.store.campaign(campaign)
    spec = stored_spec(record)
    if not spec.space.description.cut_out:
        raise ConfigurationError(f"{campaign}: a {spec.space.type} space has no boundaries that can be cut out")
    committee = open_model(resources.artifacts, find_model(resources.registry, model))
    if not isinstance(committee, Disagreeing):
        raise ConfigurationError(f"--model {model}: it has no members that disagree on forces; expected a committee")
    cutter = _Cutter(resources, record, spec, committee, most)
    systems: dict[str, list[Evaluation]] = {}
    for evaluation in searched(resources, campaign):
        if evaluation.state in ENDED and evaluation.proposal.replicate == 0:
            systems.setdefault(evaluation.proposal.system, []).append(evaluation)
    chosen = [item for several in systems.values() for item in first_of(cutter.cells(several), _lowest(several), each)]
    if not chosen:
        reasons = ", ".join(f"{count} {reason}" for reason, count in cutter.failures.items()) or "nothing is computed"
        raise ConfigurationError(f"{campaign}: no boundary can be cut out with {most} atoms ({reasons})")
    return CutOuts(chosen, cutter.failures)


def first_of(cells: Sequence[CutOut], lowest: str | None, each: int) -> list[CutOut]:
    """The relaxed cell of one candidate, then those of which the committee is least sure, one of each candidate.

    Args:
        cells: Of one system.
        lowest: Candidate with the lowest value; None: none has a value.
        each: Number of cells.
    """
    found: dict[str, CutOut] = {}
    for cell in sorted(cells, key=lambda cell: ((cell.candidate, cell.state) != (lowest, "relaxed"), -cell.unsure)):
        found.setdefault(cell.candidate, cell)
    return list(found.values())[:each]


def _lowest(several: Sequence[Evaluation]) -> str | None:
    values = {
        item.proposal.candidate: item.outcome.value
        for item in several
        if item.outcome is not None and item.outcome.value is not None
    }
    return min(values, key=lambda candidate: values[candidate], default=None)


class _Cutter:
    """Cells of a campaign's candidates, and how sure a model is of them."""

    def __init__(
        self, resources: Resources, record: CampaignRecord, spec: CampaignSpec, committee: Disagreeing, most: int
    ) -> None:
        self._resources, self._record, self._spec, self._committee, self._most = resources, record, spec, committee, most
        self._cut = opened("spaces", spec.space.type, spec.space.description.cut_out)
        self.failures: dict[str, int] = {}

    def cells(self, several: Sequence[Evaluation]) -> list[CutOut]:
        """Those of a system, as they were built and relaxed."""
        return [cell for item in several for cell in self._states(item)]

    def _states(self, evaluation: Evaluation) -> Iterator[CutOut]:
        candidate, relaxed = evaluation.proposal.candidate, None
        if evaluation.state is EvaluationState.DONE:
            relaxed = read_structure(evaluation, self._resources.artifacts)
        for state in ("built", "relaxed") if relaxed is not None else ("built",):
            cell = None if state == "built" else relaxed
            try:
                atoms = self._cut(self._spec, self._record.base_path, candidate, cell, self._most)
            except CalculationError as error:
                self.failures[error.reason] = self.failures.get(error.reason, 0) + 1
                continue
            yield CutOut(candidate, evaluation.proposal.system, state, atoms, float(self._committee.disagreement(atoms).max()))

"""Boundaries of a search, cut out for an expensive calculator: the lowest, and those of which a committee is least sure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ase import Atoms

from tansaku.models.domain.door import opened
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.surrogates import Disagreeing, Surrogate

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
class Search:
    """A campaign that searched boundaries.

    Attributes:
        spec: Of the campaign.
        base_path: Folder in which its relative paths start.
        evaluations: All of them.
        structure: Reads the relaxed cell of an evaluation.
    """

    spec: CampaignSpec
    base_path: str
    evaluations: Sequence[Evaluation]
    structure: Callable[[Evaluation], Atoms]


@dataclass(frozen=True)
class CutOuts:
    """Chosen cells.

    Attributes:
        chosen: Those of each system, its lowest first.
        failures: Why cells were left out, with how many.
    """

    chosen: list[CutOut]
    failures: dict[str, int]


def choose_cut_outs(search: Search, committee: Surrogate, most: int, each: int) -> CutOuts:
    """Chooses cells of each system: that of the lowest value, and those with the least sure atoms, one of each candidate.

    A candidate counts as the search relaxed it and as it was built; one that failed, as it was built.

    Args:
        committee: A model whose members' disagreement decides.
        most: Atoms that a cell may have.
        each: Cells of a system.

    Raises:
        ConfigurationError: The space has no boundaries that can be cut out, the model has no members that disagree, or no cell
            can be cut out.
    """
    spec = search.spec
    if not spec.space.description.cut_out:
        raise ConfigurationError(f"{spec.name}: a {spec.space.type} space has no boundaries that can be cut out")
    if not isinstance(committee, Disagreeing):
        raise ConfigurationError(
            f"--model: a {committee.spec.type} has no members that disagree on forces; expected a committee"
        )
    cutter = _Cutter(search, committee, most)
    systems: dict[str, list[Evaluation]] = {}
    for evaluation in search.evaluations:
        proposal = evaluation.proposal
        if evaluation.state in ENDED and proposal.purpose == "search" and proposal.replicate == 0:
            systems.setdefault(proposal.system, []).append(evaluation)
    chosen = [item for several in systems.values() for item in first_of(cutter.cells(several), _lowest(several), each)]
    if not chosen:
        reasons = ", ".join(f"{count} {reason}" for reason, count in cutter.failures.items()) or "nothing is computed"
        raise ConfigurationError(f"{spec.name}: no boundary can be cut out with {most} atoms ({reasons})")
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

    def __init__(self, search: Search, committee: Disagreeing, most: int) -> None:
        self._search, self._committee, self._most = search, committee, most
        space = search.spec.space
        self._cut = opened("spaces", space.type, space.description.cut_out)
        self.failures: dict[str, int] = {}

    def cells(self, several: Sequence[Evaluation]) -> list[CutOut]:
        """Cells of a system, as they were built and relaxed."""
        return [cell for item in several for cell in self._states(item)]

    def _states(self, evaluation: Evaluation) -> Iterator[CutOut]:
        candidate, relaxed = evaluation.proposal.candidate, None
        if evaluation.state is EvaluationState.DONE:
            relaxed = self._search.structure(evaluation)
        for state in ("built", "relaxed") if relaxed is not None else ("built",):
            cell = None if state == "built" else relaxed
            try:
                atoms = self._cut(self._search.spec, self._search.base_path, candidate, cell, self._most)
            except CalculationError as error:
                self.failures[error.reason] = self.failures.get(error.reason, 0) + 1
                continue
            yield CutOut(candidate, evaluation.proposal.system, state, atoms, float(self._committee.disagreement(atoms).max()))

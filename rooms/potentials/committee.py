"""Predictions of the networks of a campaign's retrained potential for the unrelaxed structures of its pool."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.disagreement import CommitteeProposer, Disagreement
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import ArtifactStore, Proposer, Space
from tansaku.models.domain.retraining import Retrain, RetrainEnd, ended, in_use
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.proposer import DisagreementProposerSpec
from tansaku.models.domain.units import convert
from tansaku.models.features.species import species_of
from tansaku.models.surrogates.files import read_weights
from tansaku.models.surrogates.surrogate_registry import restored
from tansaku.potentials.specs.network import PotentialSpec
from tansaku.tasks.loop.ledger.context import Ledger
from tansaku.tasks.loop.retraining.definition import retrain_spec, sides_of_pool
from tansaku.tasks.loop.retraining.due import computed_up_to

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.potentials.network.model import Potential
    from tansaku.potentials.network.pool import PotentialPool


class PoolCommittee:
    """Structures of a pool, evaluated by one version after the other; caches what can be recomputed at any time.

    Args:
        artifacts: Where the versions' weights are.
    """

    def __init__(self, space: Space, pool: CandidatePool, spec: CampaignSpec, artifacts: ArtifactStore) -> None:
        self._space, self._pool, self._spec, self._artifacts = space, pool, spec, artifacts
        self._by_species: dict[tuple[str, ...], tuple[IntArray, PotentialPool]] = {}
        self._last: Disagreement | None = None

    def informed(self, proposer: Proposer, ledger: Ledger, number: int) -> Proposer:
        """The proposer that goes by the version that a proposal uses; itself before the first, or where it asks no version.

        Args:
            number: Of the proposal.

        Raises:
            TransientError: The artifact store did not answer.
        """
        if not isinstance(proposer, CommitteeProposer):
            return proposer
        used = in_use(ended(ledger.retrains), number)
        if used is None or used.version is None:
            return proposer
        if self._last is None or self._last.version != used.version:
            begun = next(begun for begun, _ in ledger.retrains if begun.number == used.number)
            self._last = self._look(used, self._known(ledger, begun))
        return proposer.informed(self._last)

    def _known(self, ledger: Ledger, begun: Retrain) -> IntArray:
        learned = computed_up_to(ledger, begun.horizon)
        return self._pool.positions([item.candidate for item in learned])

    def _look(self, used: RetrainEnd, known: IntArray) -> Disagreement:
        proposer = self._spec.proposer
        if not isinstance(proposer, DisagreementProposerSpec) or used.version is None or used.weights is None:
            raise AssertionError("only a proposer that uses a model version requests its predictions")
        model = self._open(used.weights)
        seen_places, view = self._view(model)
        seen = view.seen_by(model, proposer.of)
        spread, mean, deviation = (np.full(len(self._pool), np.nan) for _ in range(3))
        # No structure, no disagreement: its evaluation would fail, so it comes last.
        spread[[place for place, atoms in enumerate(self._structures) if atoms is None]] = 0.0
        spread[seen_places] = seen.spread
        mean[seen_places] = self._in_unit(seen.energies.mean(axis=0))
        deviation[seen_places] = self._in_unit(model.of_energies.deviation(seen.energy_spread))
        return Disagreement(
            version=used.version,
            spread=spread,
            mean=mean,
            deviation=deviation,
            places=self._places,
            judging=self._judging,
            known=known,
        )

    def _open(self, weights: str) -> Potential:
        from tansaku.potentials.network.model import Potential

        with tempfile.TemporaryDirectory() as folder:
            found = restored(read_weights(self._artifacts.get(weights, Path(folder, "weights.safetensors"))))
        if not isinstance(found, Potential):
            raise ConfigurationError(f"retrain: the weights in use are of a {found.spec.type}, expected a potential")
        return found

    def _view(self, model: Potential) -> tuple[IntArray, PotentialPool]:
        """Candidates that a version can say something of, and its view of them."""
        known = self._by_species.get(model.species)
        if known is None:
            places = [
                place
                for place, atoms in enumerate(self._structures)
                if atoms is not None and set(atoms.get_chemical_symbols()) <= set(model.species)
            ]
            known = np.array(places, dtype=np.intp), self._described(places, model.species)
            self._by_species[model.species] = known
        return known

    def _described(self, places: Sequence[int], species: Sequence[str]) -> PotentialPool:
        from tansaku.potentials.network.pool import PotentialPool

        chosen = [atoms for place in places if (atoms := self._structures[place]) is not None]
        return PotentialPool(self._surrogate.environment, chosen, species)

    @cached_property
    def _structures(self) -> list[Atoms | None]:
        """Structures as they stand; None where two atoms are hopelessly close."""

        def of(candidate: str) -> Atoms | None:
            try:
                return self._space.structure(candidate)
            except CalculationError:
                return None

        return [of(str(candidate)) for candidate in self._pool.ids]

    @cached_property
    def _places(self) -> FloatArray:
        """Rows of all candidates, whatever elements a version knows."""
        there = [place for place, atoms in enumerate(self._structures) if atoms is not None]
        species = species_of(atoms for atoms in self._structures if atoms is not None)
        if species not in self._by_species:
            self._by_species[species] = np.array(there, dtype=np.intp), self._described(there, species)
        seen, view = self._by_species[species]
        places = np.zeros((len(self._pool), view.places.shape[1]))
        places[seen] = view.places
        return places

    @cached_property
    def _judging(self) -> npt.NDArray[np.bool_]:
        """Candidates of groups that no member is trained on: held out, or set aside to stop the training."""
        from tansaku.potentials.network.training import groups_aside

        sides = sides_of_pool(self._pool, self._spec)
        learned = sorted(name for name, side in sides.items() if side == "training")
        aside = groups_aside(learned, self._surrogate.validation, self._spec.seed) if len(learned) > 1 else frozenset()
        pool, by_system = self._pool, retrain_spec(self._spec).group == "system"
        names, codes = (pool.systems, pool.system_codes) if by_system else (pool.surfaces, pool.surface_codes)
        return np.asarray(np.array([sides[name] == "held_out" or name in aside for name in names])[codes])

    @property
    def _surrogate(self) -> PotentialSpec:
        learned = retrain_spec(self._spec).surrogate
        if not isinstance(learned, PotentialSpec):
            raise AssertionError("the spec requires a potential")
        return learned

    def _in_unit(self, energies: FloatArray) -> FloatArray:
        return energies * convert(1.0, "eV/atom", self._spec.objective.unit)

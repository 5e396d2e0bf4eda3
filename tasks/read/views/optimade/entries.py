"""A structure as OPTIMADE has it: an evaluation that ended with a result whose structure is stored."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from math import gcd
from string import ascii_lowercase, ascii_uppercase
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.specs.energy_surface import ENERGY
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.read.views.optimade.fields import FIELDS, Stage
from tansaku.tasks.read.views.optimade.filters import LATER, Lookup
from tansaku.tasks.read.views.search import Searched
from tansaku.tasks.read.views.structures import structure_sha256

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class Composition:
    """The elements of a structure, which filters ask for most.

    Attributes:
        counts: Atoms of each element, in alphabetical order.
        sites: Number of atoms, unknown ones included.
        periodic: Along a, b and c.
    """

    counts: tuple[tuple[str, int], ...]
    sites: int
    periodic: tuple[bool, ...]

    @classmethod
    def of(cls, atoms: Atoms) -> Composition:
        """The composition of a structure."""
        found = Counter(symbol for symbol in atoms.get_chemical_symbols() if symbol != "X")
        return cls(tuple(sorted(found.items())), len(atoms), tuple(bool(along) for along in atoms.pbc))

    def fields(self) -> JsonDict:
        """Values of the fields that follow from it."""
        numbers = [number for _, number in self.counts]
        total, common = sum(numbers), gcd(*numbers)
        hill = _formula(_hill(self.counts))
        anonymous = zip(_letters(), sorted((number // common for number in numbers), reverse=True), strict=False)
        return {
            "elements": [symbol for symbol, _ in self.counts],
            "nelements": len(self.counts),
            "elements_ratios": [number / total for number in numbers],
            "chemical_formula_descriptive": hill,
            "chemical_formula_reduced": _formula((symbol, number // common) for symbol, number in self.counts),
            "chemical_formula_hill": hill,
            "chemical_formula_anonymous": _formula(anonymous),
            "dimension_types": [int(along) for along in self.periodic],
            "nperiodic_dimensions": sum(self.periodic),
            "nsites": self.sites,
            "structure_features": [],
        }


class Compositions:
    """Compositions of the structures that were read last, by their SHA-256. Safe between threads.

    Args:
        most: So many are kept.
    """

    def __init__(self, most: int = 50_000) -> None:
        self._most = most
        self._lock = Lock()
        self._known: OrderedDict[str, Composition] = OrderedDict()

    def of(self, evaluation: Evaluation, artifacts: ArtifactStore) -> Composition | None:
        """The composition of an evaluation; None if its structure is not stored, cannot be read, or has no known element."""
        sha256 = structure_sha256(evaluation)
        if sha256 is None:
            return None
        with self._lock:
            found = self._known.get(sha256)
        if found is None:
            try:
                atoms = read_structure(evaluation, artifacts)
            except (ConfigurationError, NotFoundError, StoreError):
                return None
            if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
                return None
            found = Composition.of(atoms)
        with self._lock:
            self._known[sha256] = found
            self._known.move_to_end(sha256)
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        return found if found.counts else None


@dataclass(frozen=True)
class Entry:
    """A structure. What has to be read for its fields is read when they are asked for.

    Attributes:
        campaign: Of the evaluation.
        evaluation: It has a result.
        artifacts: Where its structure is.
        compositions: Those that were read before.
    """

    campaign: Searched
    evaluation: Evaluation
    artifacts: ArtifactStore
    compositions: Compositions

    @property
    def id(self) -> str:
        """Its id, which stays when the campaign gets another name."""
        return self.evaluation.id

    @cached_property
    def composition(self) -> Composition | None:
        """Its composition; None if there is no structure, so that it is no entry."""
        return self.compositions.of(self.evaluation, self.artifacts)

    def lookup(self, known: Stage) -> Lookup:
        """Returns a function that finds fields.

        Args:
            known: What may be read for them; the value of other fields is ``LATER``.
        """

        def find(name: str) -> object:
            field = FIELDS.get(name)
            if field is None:
                return None
            return self._part(field.stage)[name] if field.stage <= known else LATER

        return find

    def attributes(self, names: Sequence[str]) -> JsonDict:
        """The values of fields as JSON has them; null for those that no structure has."""
        find = self.lookup(Stage.STRUCTURE)
        values = {name: find(name) for name in names}
        if values.get("last_modified") is not None:
            values["last_modified"] = f"{values['last_modified']:%Y-%m-%dT%H:%M:%SZ}"
        return values

    def _part(self, stage: Stage) -> JsonDict:
        if stage is Stage.CAMPAIGN:
            return self._of_campaign
        if stage is Stage.EVALUATION:
            return self._of_evaluation
        return self._of_composition if stage is Stage.COMPOSITION else self._of_structure

    @cached_property
    def _of_campaign(self) -> JsonDict:
        return campaign_fields(self.campaign)

    @cached_property
    def _of_evaluation(self) -> JsonDict:
        evaluation, outcome = self.evaluation, self.evaluation.outcome
        source = None if outcome is None else outcome.provenance
        modified = (evaluation.finished_at or evaluation.proposed_at).astimezone(UTC).replace(microsecond=0)
        return {
            "id": evaluation.id,
            "last_modified": modified,
            "_tansaku_round": evaluation.proposal.number,
            "_tansaku_candidate": evaluation.proposal.candidate,
            "_tansaku_system": evaluation.proposal.system,
            "_tansaku_value": None if outcome is None else outcome.value,
            "_tansaku_predicted_by": None if outcome is None else outcome.predicted_by,
            "_tansaku_energy": None if outcome is None else outcome.computed(ENERGY),
            "_tansaku_code": None if source is None else source.code or None,
            "_tansaku_code_version": None if source is None else source.code_version or None,
            "_tansaku_model_sha256": None if source is None else source.model_sha256 or None,
        }

    @cached_property
    def _of_composition(self) -> JsonDict:
        composition = self.composition
        if composition is None:
            return dict.fromkeys(name for name, field in FIELDS.items() if field.stage is Stage.COMPOSITION)
        energy = self._of_evaluation["_tansaku_energy"]
        per_atom = None if energy is None else energy / composition.sites
        return composition.fields() | {"_tansaku_energy_per_atom": per_atom}

    @cached_property
    def _of_structure(self) -> JsonDict:
        atoms = read_structure(self.evaluation, self.artifacts)
        symbols = atoms.get_chemical_symbols()
        cell = [vector if any(vector) else [None] * 3 for vector in atoms.cell.tolist()]
        return {
            "lattice_vectors": cell,
            "cartesian_site_positions": atoms.positions.tolist(),
            "species": [
                {"name": symbol, "chemical_symbols": [symbol], "concentration": [1.0]} for symbol in dict.fromkeys(symbols)
            ],
            "species_at_sites": symbols,
        }


def campaign_fields(campaign: Searched) -> JsonDict:
    """Values of the fields that all structures of a campaign share."""
    calculator = campaign.spec.calculator
    return {
        "type": "structures",
        "_tansaku_campaign": campaign.name,
        "_tansaku_calculator": None if calculator is None else calculator.type,
        "_tansaku_property": campaign.objective,
        "_tansaku_unit": campaign.spec.objective.unit,
    }


def _hill(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """In the order of Hill: carbon, hydrogen and then the alphabet, where there is carbon."""
    first = ("C", "H") if any(symbol == "C" for symbol, _ in counts) else ()
    return sorted(counts, key=lambda pair: (first.index(pair[0]) if pair[0] in first else len(first), pair[0]))


def _formula(pairs: Iterable[tuple[str, int]]) -> str:
    return "".join(f"{symbol}{number if number != 1 else ''}" for symbol, number in pairs)


def _letters() -> Iterator[str]:
    """A, B … Z, Aa, Ba …, as anonymous formulas have them."""
    yield from ascii_uppercase
    yield from (upper + lower for lower in ascii_lowercase for upper in ascii_uppercase)

"""Results of a campaign as entries of pymatgen, for its phase diagrams, Pourbaix diagrams and corrections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.specs.energy_surface import ENERGY
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.structures import is_stored


def campaign_entries(data: Campaign, artifacts: ArtifactStore) -> list[Any]:
    """Computed evaluations as pymatgen's ``ComputedStructureEntry``, in proposal order.

    Of a candidate that was computed again, as in the final relaxation, the last one. Values that a model predicted, and results
    whose structure is not stored, are left out. Energies are total and uncorrected [eV]; ``parameters`` say what computed them.

    Raises:
        ConfigurationError: There is none.
        MissingComponentError: pymatgen is not installed.
        StoreError: A stored structure cannot be read.
    """
    try:
        from pymatgen.entries.computed_entries import ComputedStructureEntry
        from pymatgen.io.ase import AseAtomsAdaptor
    except ImportError as error:
        raise MissingComponentError(
            f"entries of pymatgen need it: {error}", hint="pip install 'tansaku[composition]'"
        ) from error
    from ase import Atoms

    found: dict[str, Evaluation] = {}
    for item in data.evaluations:
        if item.state is EvaluationState.DONE and _energy(item) is not None and is_stored(item, artifacts):
            found[item.proposal.candidate] = item
    entries = []
    for candidate, item in found.items():
        atoms, energy = read_structure(item, artifacts), _energy(item)
        if energy is None or not atoms.pbc.all():
            continue
        # What else a file holds of its atoms would become properties of pymatgen's structure.
        bare = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
        structure = AseAtomsAdaptor.get_structure(bare)
        entries.append(
            ComputedStructureEntry(
                structure, energy, parameters=_computed_by(data, item), data=_about(data, item), entry_id=candidate
            )
        )
    if not entries:
        raise ConfigurationError(f"campaign {data.record.name!r} has no crystal with an energy and a stored structure")
    return entries


def write_entries(data: Campaign, artifacts: ArtifactStore, path: Path) -> int:
    """Writes the entries as JSON that pymatgen's ``ComputedStructureEntry.from_dict`` reads; returns how many.

    Raises:
        ConfigurationError: There is none, or the file cannot be written.
    """
    entries = campaign_entries(data, artifacts)
    text = json.dumps([entry.as_dict() for entry in entries], indent=1, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"file {str(path)!r} cannot be written: {error.strerror}") from error
    return len(entries)


def _energy(evaluation: Evaluation) -> float | None:
    outcome = evaluation.outcome
    if outcome is None or outcome.predicted_by is not None or ENERGY not in outcome.quantities:
        return None
    return outcome.quantities[ENERGY].value


def _computed_by(data: Campaign, evaluation: Evaluation) -> JsonDict:
    """The calculator of an entry: entries of different ones are not to be compared."""
    source = None if evaluation.outcome is None else evaluation.outcome.provenance
    found: JsonDict = {"calculator": data.spec.calculator.type} if data.spec.calculator is not None else {}
    if source is not None:
        said = {"code": source.code, "code_version": source.code_version, "model": source.model, "sha256": source.model_sha256}
        found |= {name: text for name, text in said.items() if text}
    return found


def _about(data: Campaign, evaluation: Evaluation) -> JsonDict:
    return {"campaign": data.record.name, "round": evaluation.proposal.number, "source": evaluation.proposal.source}

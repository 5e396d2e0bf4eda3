"""Results of a campaign for other packages: entries of pymatgen, and summary documents of emmet and the Materials Project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tansaku.models.domain.errors import ConfigurationError, installed
from tansaku.models.domain.ports import ArtifactStore
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.specs.energy_surface import ENERGY
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.structures import read_structure
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.hull import campaign_hull
from tansaku.tasks.read.views.structures import is_stored


def campaign_entries(data: Campaign, artifacts: ArtifactStore) -> list[Any]:
    """Computed evaluations as pymatgen's ``ComputedStructureEntry``, in proposal order, those of reference elements first.

    Of a candidate that was computed again, as in the final relaxation, the last one. Values that a model predicted, and results
    whose structure is not stored, are left out. Energies are total and uncorrected [eV]; ``parameters`` say what computed them.

    Raises:
        ConfigurationError: There is none.
        MissingComponentError: pymatgen is not installed.
        StoreError: A stored structure cannot be read.
    """
    with installed("entries for pymatgen need it", hint="pip install 'tansaku[composition]'"):
        from pymatgen.entries.computed_entries import ComputedStructureEntry
        from pymatgen.io.ase import AseAtomsAdaptor
    from ase import Atoms

    found: dict[str, tuple[Evaluation, float]] = {}
    for item in (*data.references, *data.evaluations):
        energy = None if item.outcome is None else item.outcome.computed(ENERGY)
        if item.state is EvaluationState.DONE and energy is not None and is_stored(item, artifacts):
            found[item.proposal.candidate] = item, energy
    entries = []
    for candidate, (item, energy) in found.items():
        atoms = read_structure(item, artifacts)
        if not atoms.pbc.all():
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
    return _write([entry.as_dict() for entry in campaign_entries(data, artifacts)], path)


def summary_documents(data: Campaign, artifacts: ArtifactStore) -> list[JsonDict]:
    """The same crystals as plain documents that emmet's ``SummaryDoc`` reads; energies are uncorrected [eV/atom].

    The candidate is a ``database_IDs`` of tansaku: a ``material_id`` is given by the Materials Project alone.

    Raises:
        ConfigurationError: There is none, or an element has no phase of its own.
        MissingComponentError: pymatgen is not installed.
        StoreError: A stored structure cannot be read.
    """
    phases = {row["phase"]: row for row in campaign_hull(data).rows}
    finished = {item.proposal.candidate: item.finished_at for item in data.evaluations if item.finished_at is not None}
    found = []
    for entry in campaign_entries(data, artifacts):
        if entry.entry_id not in phases:  # an element that formation energies refer to
            continue
        structure, composition, phase = entry.structure, entry.composition, phases[entry.entry_id]
        document = {
            "database_IDs": {"tansaku": [entry.entry_id]},
            "formula_pretty": composition.reduced_formula,
            "formula_anonymous": composition.anonymized_formula,
            "chemsys": composition.chemical_system,
            "elements": sorted(composition.chemical_system_set),
            "nelements": len(composition),
            "composition": composition.as_dict(),
            "composition_reduced": composition.reduced_composition.as_dict(),
            "nsites": len(structure),
            "volume": structure.volume,
            "density": float(structure.density),
            "density_atomic": structure.volume / len(structure),
            "energy_per_atom": entry.energy_per_atom,
            "uncorrected_energy_per_atom": entry.energy_per_atom,
            "formation_energy_per_atom": phase["formation_energy"],
            "energy_above_hull": phase["energy_above_hull"],
            "is_stable": phase["stable"],
            "theoretical": True,
            "structure": structure.as_dict(),
        }
        if entry.entry_id in finished:
            document["last_updated"] = finished[entry.entry_id].isoformat()
        found.append(document)
    return found


def write_summaries(data: Campaign, artifacts: ArtifactStore, path: Path) -> int:
    """Writes the documents as a JSON list; returns how many. Raises as :func:`summary_documents` and :func:`write_entries`."""
    return _write(summary_documents(data, artifacts), path)


def _write(documents: list[JsonDict], path: Path) -> int:
    text = json.dumps(documents, indent=1, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"file {str(path)!r} cannot be written: {error.strerror}") from error
    return len(documents)


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

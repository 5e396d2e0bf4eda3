"""Who computes: the short hash that stands for a calculator, or for a table's content, in the key of an evaluation."""

from __future__ import annotations

from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.calculator import Atomate2Spec, RelaxationSpec, VaspSpec, workflow_of
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.space import TableSpaceSpec

POLISH_RELAXATION = RelaxationSpec(cell="normal", translation="free")
"""How the best candidates are relaxed again at the end; force threshold and steps are those of the campaign."""


def source_of(spec: CampaignSpec) -> str:
    """Source of the search's evaluations: files count by their content, never by their path."""
    if isinstance(spec.space, TableSpaceSpec):
        table = spec.space
        return short_hash({"table": table.sha256 or table.candidates, "column": table.columns.value})
    calculator = spec.calculator.model_dump(mode="json") if spec.calculator is not None else {}
    forget_paths(calculator)
    for key, default in (("partition", False), ("bands", None), ("eigensolver", "davidson")):
        # These came after the first release: the source is the same as before them.
        if key in calculator and calculator[key] == default:
            del calculator[key]
    workflow = calculator.get("workflow")
    if workflow is not None and workflow["mechanism"] == {"type": "vacancy"}:
        del workflow["mechanism"]
    if workflow is not None and workflow["phases"] is None:
        del workflow["phases"]
    label = spec.label.model_dump(mode="json") if spec.label is not None else None
    if label is not None:
        forget_paths(label["calculator"])
    return short_hash({"calculator": calculator} | ({"label": label} if label is not None else {}))


def forget_paths(calculator: JsonDict) -> None:
    """Takes away where the files of a calculator's spec lie, once their content is known."""
    for content, path in (
        ("potential_sha256", "potential"),
        ("pseudopotentials_sha256", "folder"),
        ("model_sha256", "model"),
    ):
        if calculator.get(content):
            del calculator[path]
    if "relaxed_by" in calculator:
        forget_paths(calculator["relaxed_by"])


def polish_relaxation(spec: CampaignSpec) -> RelaxationSpec | None:
    """Relaxation that polishing uses, or None where nothing can be relaxed (a table) or a workflow does it all."""
    if spec.calculator is None or workflow_of(spec.calculator) is not None:
        return None
    own = spec.calculator.relaxation
    # The makers of atomate2 cannot free one length of the cell alone.
    cell = own.cell if isinstance(spec.calculator, Atomate2Spec | VaspSpec) else POLISH_RELAXATION.cell
    return own.model_copy(update={"cell": cell, "translation": POLISH_RELAXATION.translation})


def polish_source(spec: CampaignSpec) -> str:
    """Source of polished evaluations: another relaxation is another source, even where it equals the search's."""
    relaxation = polish_relaxation(spec)
    return short_hash({"search": source_of(spec), "polish": relaxation.model_dump(mode="json") if relaxation else None})

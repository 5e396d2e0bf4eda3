"""The source of evaluations: a short hash of the calculator, or of a table's content.

Which keys of a calculator count is not listed here: it follows from the facts of its spec.
"""

from __future__ import annotations

from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, workflow_of
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.identity import identity
from tansaku.models.domain.specs.levels import LevelSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec

POLISH_RELAXATION = RelaxationSpec(cell="normal", translation="free")
"""Final relaxation of the best candidates; force threshold and steps are those of the campaign, or stricter."""


def source_of(spec: CampaignSpec, level: LevelSpec | None = None) -> str:
    """Source of a new campaign's evaluations: files count by their content, never by their path.

    A campaign with evaluations has the source that these have, by the rule of the version that made the first.

    Args:
        level: Of looks; None: the source of full evaluations.
    """
    if level is not None:
        look = {"look": level.name}
        recorded = spec.space.at_level(level.column).recorded_source()
        return short_hash(look | (recorded or {"calculator": identity(level.calculator) if level.calculator else {}}))
    recorded = spec.space.recorded_source()
    if recorded is not None:
        return short_hash(recorded)
    content = {"calculator": {} if spec.calculator is None else identity(spec.calculator)}
    return short_hash(content if spec.label is None else content | {"label": identity(spec.label)})


def polish_relaxation(spec: CampaignSpec) -> RelaxationSpec | None:
    """Relaxation that polishing uses, or None where nothing can be relaxed (a table) or a workflow does it all."""
    if spec.calculator is None or spec.structureless or workflow_of(spec.calculator) is not None:
        return None
    if spec.space.final_checks:  # The same relaxation again, so that nothing else changes.
        return spec.calculator.relaxation
    own = _converged(spec.calculator, spec.execution.polish_fmax)
    if spec.space.rigid_blocks:  # They move along the normal by themselves.
        return own.model_copy(update={"cell": "fixed", "translation": POLISH_RELAXATION.translation})
    # Not every code can free one length of the cell alone.
    cell = POLISH_RELAXATION.cell if POLISH_RELAXATION.cell in spec.calculator.facts.cells else own.cell
    return own.model_copy(update={"cell": cell, "translation": POLISH_RELAXATION.translation})


def _converged(calculator: CalculatorBase, fmax: float | None) -> RelaxationSpec:
    """A calculator's relaxation to its end, with another largest force where it is given; a stricter one needs steps for it."""
    own = calculator.relaxation
    if fmax in (None, own.fmax) and own.unconverged == "fail":
        return own
    steps = max(own.max_steps, calculator.usual_relaxation.max_steps)
    return own.model_copy(update={"fmax": fmax or own.fmax, "max_steps": steps, "unconverged": "fail"})


def polish_source(spec: CampaignSpec, search: str) -> str:
    """Source of polished evaluations: another relaxation is another source, even where it equals the search's."""
    relaxation = polish_relaxation(spec)
    key = {"search": search, "polish": relaxation.model_dump(mode="json") if relaxation else None}
    thicknesses = spec.space.thicknesses
    return short_hash(key | ({"thicknesses": list(thicknesses)} if thicknesses else {}))

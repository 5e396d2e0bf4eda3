"""Defaults that a file leaves open and that are written into the spec of a new campaign.

They came after the first release. A campaign that was created before has null there, and continues as it began.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import Spec
from tansaku.models.domain.specs.boundary_cell import PeriodicCellSpec
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.objective import BottleneckSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, Pending, usual_proposer, withholds
from tansaku.tasks.node.configuration.source import polish_relaxation

_THICKER = 2.0
_SCALE = "auto"
_WITHHELD = "withheld"
_SOLVER = "working_set"
_HOPS = "all"
_ENGINE: Literal[5] = 5
"""Engine of new campaigns of few evaluations whose file names none."""

_REFINED: Literal[4] = 4
"""The same where the search adds candidates around the best ones: ranks among these say nothing."""

_FILLED_IN = (3, _REFINED, _ENGINE)
"""All engines that were ever filled in: campaigns of files that named none keep theirs."""

_PENDING: Pending = "drawn"
"""Treatment of awaited values in new campaigns with that engine whose file names none."""

_FEW = 200
"""Evaluations up to which they are few: the engine was compared for up to 30, and refits after each value up to 100."""

_LEARNED_LATER = ("across_systems", "with_gp")
"""Keys of ``arms``."""

_START: JsonDict = {"initial": "roomy", "initial_points": 4}
"""The best start on hosts that it was chosen with, and better than random points on those that it was not."""


def with_defaults(spec: CampaignSpec) -> CampaignSpec:
    """Returns the spec of a new campaign.

    * ``space.cell.polish``: a number if it is null and the final relaxation can be repeated.
    * ``execution.polish_fmax``: the default of the calculator's type if it is null and the search is rougher than that.
    * ``space.features.NAME.scale``, and ``space.scale`` of molecules: ``auto`` if it is null.
    * ``proposer.initial`` and ``proposer.initial_points``: four roomy points if the bottleneck of an energy surface is wanted
      and both are null.
    * ``proposer``: ``arms`` if the file has none and ``space.replication`` is given, unless a key needs ``gp``.
    * ``proposer``: ``multi_level`` if the file has none and ``levels`` is given.
    * ``proposer.across_systems`` and ``proposer.with_gp``: yes if null.
    * ``proposer.engine`` and ``proposer.pending``: see :func:`with_engine`.
    * ``proposer.outliers``: ``withheld`` if it is null, but where a bottleneck is wanted: bad values lie on its path.
    * ``retrain.calibrate``: yes if it is null; ``retrain.surrogate.solver``: ``working_set``.
    * ``calculator.workflow.hops``: ``all`` if it is null, but with density-functional theory, whose forces may be too noisy.
    * ``known_first``: yes if results are adopted.
    * ``space.named_by_file`` of structures: yes.
    * Keys of the space's own ``later_defaults``, which are null.
    """
    space, update, left_open = spec.space, JsonDict(), "proposer" not in spec.model_fields_set
    cell = _usual_cell(spec) if spec.execution.polish else None
    if cell is not None and getattr(space, "cell", None) == PeriodicCellSpec():
        update["cell"] = cell
    features = getattr(space, "features", {})
    if any(_unscaled(group) for group in features.values()):
        update["features"] = {
            name: group.model_copy(update={"scale": _SCALE}) if _unscaled(group) else group for name, group in features.items()
        }
    if _scale(space) is None:
        update["scale"] = _SCALE
    if "named_by_file" in type(space).model_fields:
        update["named_by_file"] = True
    update |= {key: value for key, value in _later(spec).items() if getattr(space, key) is None}
    if update:
        spec = spec.model_copy(update={"space": space.model_copy(update=update)})
    fmax = _usual_polish_fmax(spec)
    if fmax is not None and spec.execution.polish_fmax is None:
        spec = spec.model_copy(update={"execution": spec.execution.model_copy(update={"polish_fmax": fmax})})
    proposer = _surface_proposer(spec)
    if proposer is not None and proposer.initial is None and proposer.initial_points is None:
        spec = spec.model_copy(update={"proposer": proposer.model_copy(update=_START)})
    usual = usual_proposer(atoms=_searches_atoms(spec), levels=bool(spec.levels)) if left_open else None
    if usual is not None:
        spec = spec.model_copy(update={"proposer": usual})
    learned = {key: True for key in _LEARNED_LATER if getattr(spec.proposer, key, False) is None}
    spec = with_engine(spec.model_copy(update={"proposer": spec.proposer.model_copy(update=learned)}))
    if _may_withhold(spec) and getattr(spec.proposer, "outliers", None) is None:
        spec = spec.model_copy(update={"proposer": spec.proposer.model_copy(update={"outliers": _WITHHELD})})
    if (retrain := spec.retrain) is not None:
        filled = {"calibrate": retrain.calibrate is not False, "surrogate": retrain.surrogate.of_new()}
        spec = spec.model_copy(update={"retrain": retrain.model_copy(update=filled)})
    if spec.calculator is not None:
        levels = tuple(level.model_copy(update={"calculator": _of_new(level.calculator)}) for level in spec.levels)
        spec = spec.model_copy(update={"calculator": _of_new(spec.calculator), "levels": levels})
    if spec.reuse or spec.known is not None:
        spec = spec.model_copy(update={"known_first": True})
    if left_open:
        spec.model_fields_set.discard("proposer")  # a stored campaign of the file keeps the one that it has
    return spec


def without_defaults(spec: CampaignSpec) -> JsonDict:
    """Returns a spec as plain data, without these defaults.

    Files that differ only in writing them out are the same campaign, as are those that a campaign was stored from before they
    were defaults.
    """
    data = spec.model_dump(mode="json")
    space, proposer = data["space"], data["proposer"]
    cell = _usual_cell(spec)
    if cell is not None and space["cell"] == cell.model_dump(mode="json"):
        space["cell"] = PeriodicCellSpec().model_dump(mode="json")
    if spec.space.reference_crystal is not None and not spec.space.reference_crystal.strained:
        space["crystal"]["strained"] = None
    if _scale(spec.space) == _SCALE:
        space["scale"] = None
    for name, group in getattr(spec.space, "features", {}).items():
        if _scale(group) == _SCALE:
            space["features"][name]["scale"] = None
    if _surface_proposer(spec) is not None and _START.items() <= proposer.items():
        proposer |= dict.fromkeys(_START)
    if getattr(spec.proposer, "across_systems", False):
        proposer["across_systems"] = None
    if getattr(spec.proposer, "with_gp", False):
        del proposer["with_gp"]
    if proposer.get("engine") in _FILLED_IN and _usual_engine(spec) is not None:
        proposer["engine"] = None
    if _draws(spec) and proposer["pending"] == _PENDING:
        proposer["pending"] = None
    if _may_withhold(spec) and withholds(spec.proposer):
        proposer["outliers"] = None
    fmax = _usual_polish_fmax(spec)
    if fmax is not None and spec.execution.polish_fmax == fmax:
        data["execution"]["polish_fmax"] = None
    if (retrain := data["retrain"]) is not None:
        if retrain["calibrate"]:
            retrain["calibrate"] = None
        if retrain["surrogate"].get("solver") == _SOLVER:
            retrain["surrogate"]["solver"] = None
    for calculator in (data["calculator"], *(level["calculator"] for level in data.get("levels", []))):
        workflow = (calculator or {}).get("workflow") or {}
        if workflow.get("hops") == _HOPS:
            del workflow["hops"]
    data["known_first"] = None
    if "named_by_file" in space:
        space["named_by_file"] = None
    for key in [key for key, value in _later(spec).items() if space.get(key) == value]:
        del space[key]
    return data


def _later(spec: CampaignSpec) -> Mapping[str, str]:
    """Returns defaults of the space that came after its first release."""
    return spec.space.later_defaults(spec.calculator)


def _of_new(calculator: CalculatorBase | None) -> CalculatorBase | None:
    """Returns a calculator with the defaults of its workflow written out."""
    workflow = getattr(calculator, "workflow", None)
    if calculator is None or workflow is None or calculator.facts.dft:
        return calculator
    return calculator.model_copy(update={"workflow": workflow.of_new()})


def with_engine(spec: CampaignSpec) -> CampaignSpec:
    """Returns a spec with the engine that a new campaign gets if its proposer names none, and what is awaited counts as.

    The engine only where few evaluations, and nothing else, may be spent; later the budget may be changed without effect on it.
    """
    budget, usual = spec.budget, _usual_engine(spec)
    others = (budget.cost, budget.fraction, budget.hours, budget.core_hours)
    few = budget.evaluations is not None and budget.evaluations <= _FEW and all(limit is None for limit in others)
    if usual is not None and few and getattr(spec.proposer, "engine", None) is None:
        spec = spec.model_copy(update={"proposer": spec.proposer.model_copy(update={"engine": usual})})
    if _draws(spec) and getattr(spec.proposer, "pending", None) is None:
        spec = spec.model_copy(update={"proposer": spec.proposer.model_copy(update={"pending": _PENDING})})
    return spec


def _draws(spec: CampaignSpec) -> bool:
    """Returns whether the engine is of those with which values that are awaited were compared, and judges by itself."""
    return getattr(spec.proposer, "engine", None) in _FILLED_IN and getattr(spec.proposer, "function", None) is None


def _usual_engine(spec: CampaignSpec) -> int | None:
    """Returns the engine for few evaluations where one best candidate is wanted, and the file chooses no other model."""
    proposer, goal = spec.proposer, spec.objective.goal.type
    if not isinstance(proposer, GPProposerSpec) or (proposer.preset, proposer.kernel, proposer.mean) != ("default", None, None):
        return None
    whole = spec.space.one_problem
    if spec.transfer is not None or whole is None:
        return None
    if goal != "best_overall" and not (goal == "best_per_system" and whole):
        return None
    return _ENGINE if getattr(spec.space, "refine", None) is None else _REFINED


def _searches_atoms(spec: CampaignSpec) -> bool:
    """Returns whether the number of atoms of boundaries is searched for the lowest energy, without a key that needs ``gp``."""
    return spec.space.densities and spec.objective.goal.type == "best_per_system" and not keys_of_gp(spec)


def keys_of_gp(spec: CampaignSpec) -> tuple[str, ...]:
    """Returns the keys of a campaign's file, besides ``proposer``, that need the proposer ``gp``."""
    given = {
        "budget.stop": spec.budget.stop is not None,
        "transfer": spec.transfer is not None,
        "constraints.avoid_failures": spec.constraints.avoid_failures,
        "objective.limits": bool(spec.objective.limits),
    }
    return tuple(key for key, there in given.items() if there)


def _scale(part: Spec) -> str | None:
    """Returns the key ``scale`` of a space or a group of features; ``none`` for one without the key."""
    return getattr(part, "scale", None) if "scale" in type(part).model_fields else "none"


def _unscaled(group: Spec) -> bool:
    """Returns whether a group holds numbers, and nothing says how their columns are compared."""
    of_categories = getattr(group, "categorical", False) or getattr(group, "categories", None) is not None
    return _scale(group) is None and not of_categories


def _may_withhold(spec: CampaignSpec) -> bool:
    """Returns whether the proposer is one that can be shown less, and the goal one for which this is harmless."""
    return hasattr(spec.proposer, "outliers") and not spec.objective.goal.gridded


def _surface_proposer(spec: CampaignSpec) -> GPProposerSpec | None:
    """Returns the proposer that looks for the bottleneck of a whole energy surface; one path has no part with more room."""
    whole = spec.space.description.gridded and not spec.space.held_in_plane
    wanted = whole and isinstance(spec.objective.goal, BottleneckSpec)
    return spec.proposer if wanted and isinstance(spec.proposer, GPProposerSpec) else None


def _usual_cell(spec: CampaignSpec) -> PeriodicCellSpec | None:
    """Returns the default of ``space.cell`` for a file without the key; None: nothing is filled in.

    It does not depend on ``execution.polish``, which may be changed later.
    """
    calculator, spacing = spec.calculator, getattr(spec.space, "spacing", None)
    if not isinstance(getattr(spec.space, "cell", None), PeriodicCellSpec) or calculator is None:
        return None
    # There a cell twice as thick costs about ten times as much.
    if calculator.facts.dft or polish_relaxation(spec) is None or spacing is None or not math.isfinite(_THICKER * spacing):
        return None
    return PeriodicCellSpec(polish=_THICKER * spacing)


def _usual_polish_fmax(spec: CampaignSpec) -> float | None:
    """Returns the default of ``execution.polish_fmax`` for a file without the key; None: nothing is filled in.

    It does not depend on ``execution.polish``, which may be changed later.
    """
    calculator, about = spec.calculator, spec.space.description
    if calculator is None or calculator.facts.dft or polish_relaxation(spec) is None:
        return None
    if not about.polished or about.jobs.get(None) == "energy":  # there is no final relaxation
        return None
    usual = calculator.usual_relaxation.fmax
    return usual if usual < calculator.relaxation.fmax else None

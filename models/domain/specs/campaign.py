"""The campaign file: what is searched, wanted, computed and spent."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from tansaku.models.domain.door import one_of, spec_kinds
from tansaku.models.domain.objectives import Need, described_needs
from tansaku.models.domain.objectives import described as objective_described
from tansaku.models.domain.report_columns import VALUE, taken_names
from tansaku.models.domain.specs.base import PLAIN_TEXT, FilePath, Name, NamesFile, Sha256, Spec, set_default
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.table import CALCULATORS, CalculatorSpec, types_with_workflow
from tansaku.models.domain.specs.execution import ExecutionSpec
from tansaku.models.domain.specs.job_description import jobs
from tansaku.models.domain.specs.label import LABEL_PROPERTY, LabelSpec
from tansaku.models.domain.specs.levels import LevelSpec, check_levels, completed
from tansaku.models.domain.specs.objective import (
    OF_VOLUME,
    PROPERTY_PATTERN,
    BestPerSystemSpec,
    ConstraintsSpec,
    DesiredSpec,
    Direction,
    FurtherObjectiveSpec,
    GoalSpec,
    LimitSpec,
    QuantityColumnSpec,
)
from tansaku.models.domain.specs.proposer import GPProposerSpec, ProposerBase
from tansaku.models.domain.specs.retrain import (
    PreScreeningSpec,
    RetrainSpec,
    check_committee,
    check_fields,
    check_potential_keys,
)
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.specs.transfer import LEVEL_MODES, TransferSpec
from tansaku.models.domain.units import Unit, convert

if TYPE_CHECKING:
    ProposerSpec = ProposerBase
else:
    ProposerSpec = one_of(spec_kinds("proposers", ProposerBase).values())

WITH_A_GAIN = ("best_per_system", "best_overall", "top_k", "hull")
"""Goals at which one more evaluation gains an amount of the objective."""

WITH_A_WORTH = (*WITH_A_GAIN, "pareto")
"""Goals at which one more evaluation gains an amount, or a share of the volume that a front dominates."""

WITH_LEVELS = (*WITH_A_GAIN, "all_below")
"""Goals at which the levels of a campaign are weighed."""

WITH_AN_OUTLOOK = (*WITH_LEVELS, "pareto")
"""Goals at which it is said what the next evaluations are expected to bring: an amount, candidates, or a volume."""

_Text = Annotated[str, Field(min_length=1, max_length=1000), PLAIN_TEXT]


_LEVEL_OF_KNOWN = "it names the level of theory of values that are computed, and none where people report them"


class KnownSpec(Spec):
    """A table of earlier values of candidates. They cost nothing, and are frozen when the campaign is created.

    Attributes:
        file: A CSV or Parquet table with one row for each candidate.
        level: Level of theory of the values, in the words in which `tansaku check` describes that of the campaign; values of
            another level are refused, a campaign can learn from those by ``transfer``. None: for values that people report.
        candidate: Column with the ids of candidates.
        value: Column with their values of the objective; not read where the value is a desirability.
        unit: Unit of the values; None: the objective's.
        quantities: Columns with the further quantities of results, by property.
        sha256: Content hash of the table; filled in when the campaign is created.
    """

    file: Annotated[FilePath, NamesFile("table")]
    level: _Text | None = None
    candidate: _Text = "candidate"
    value: _Text = "value"
    unit: Unit | None = None
    quantities: Annotated[
        dict[Annotated[str, Field(pattern=PROPERTY_PATTERN)], QuantityColumnSpec],
        Field(default_factory=dict, exclude_if=lambda columns: not columns),
    ]
    sha256: Sha256 | None = None


class ObjectiveSpec(Spec):
    """Objective of the search: property, direction and goal.

    Attributes:
        direction: Whether low or high values are wanted.
        property: Name of the property; None: the one the space is about (``grain_boundary_energy``, the table's value).
        unit: Unit in which values are stored, shown and handed to the proposer.
        goal: Candidates to be found.
        desirability: Measured quantities that are combined into the value, a number between 0 and 1 that is maximised. For
            ``calculator: {type: manual}``: a report gives these quantities, and not the value.
        limits: Further quantities of the same evaluation that must keep a limit; candidates that exceed one are no answer, but
            their values teach.
    """

    property: Annotated[str, Field(pattern=PROPERTY_PATTERN)] | None = None
    direction: Direction = "minimize"
    unit: Unit = "mJ/m2"
    goal: GoalSpec = BestPerSystemSpec()
    desirability: Annotated[tuple[DesiredSpec, ...], Field(max_length=4)] = ()
    limits: Annotated[tuple[LimitSpec, ...], Field(max_length=3)] = ()

    @builtins.property
    def goals(self) -> tuple[FurtherObjectiveSpec, ...]:
        """Objectives besides the first; none but for the goal ``pareto``."""
        return self.goal.further

    @builtins.property
    def directions(self) -> tuple[Direction, ...]:
        """Directions of all objectives, the first one first."""
        return (self.direction, *(objective.direction for objective in self.goals))

    @builtins.property
    def further(self) -> tuple[FurtherObjectiveSpec, ...]:
        """Quantities that each evaluation gives besides its value: further objectives, desired ones, those with a limit."""
        desired = (item.quantity for item in self.desirability)
        return (*self.goals, *desired, *(limit.quantity for limit in self.limits))

    @builtins.property
    def several(self) -> str:
        """The key because of which an evaluation gives further quantities, in words."""
        return "the goal pareto" if self.goals else "objective.desirability" if self.desirability else "objective.limits"

    @builtins.property
    def further_directions(self) -> tuple[Direction, ...]:
        """Directions of the further quantities; what has a limit counts as it is, as if low values were wanted."""
        return tuple(quantity.direction for quantity in self.further)

    @builtins.property
    def further_keys(self) -> tuple[str, ...]:
        """Keys of the campaign file that name the further quantities."""
        goals = (f"objective.goal.also[{i}]" for i in range(len(self.goals)))
        desired = (f"objective.desirability[{i}]" for i in range(len(self.desirability)))
        return (*goals, *desired, *(f"objective.limits[{i}]" for i in range(len(self.limits))))

    @model_validator(mode="after")
    def _desirability_fits(self) -> ObjectiveSpec:
        if not self.desirability:
            return self
        if self.goal.type not in WITH_A_GAIN:
            raise ValueError(f"desirability: not with the goal {self.goal.type}; expected one of {', '.join(WITH_A_GAIN)}")
        if (self.unit, self.direction) != ("1", "maximize"):
            raise ValueError('desirability: the value is a number between 0 and 1; expected unit: "1" and direction: maximize')
        names = [item.property for item in self.desirability]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise ValueError(f"desirability[{i}].property: {name!r} is named twice")
        return self

    @model_validator(mode="after")
    def _limits_fit(self) -> ObjectiveSpec:
        if self.limits and not self.goal.limited:
            raise ValueError(f"limits: not with the goal {self.goal.type}; remove them")
        objectives = {self.property, *(goal.property for goal in self.goals), *(item.property for item in self.desirability)}
        for i, limit in enumerate(self.limits):
            if limit.property in objectives:
                raise ValueError(f"limits[{i}].property: {limit.property!r} is an objective; expected a further quantity")
            if limit.property in [before.property for before in self.limits[:i]]:
                raise ValueError(f"limits[{i}].property: {limit.property!r} has a limit; give it at_least and at_most together")
        return self

    @model_validator(mode="after")
    def _goal_fits(self) -> ObjectiveSpec:
        try:
            self.goal.check(self.unit)
        except ValueError as error:
            raise ValueError(f"goal.{error}") from error
        return self


EDITABLE_KEYS = (
    ("budget",),
    ("execution", "in_flight"),
    ("execution", "timeout"),
    ("execution", "retries"),
    ("execution", "retry_backoff"),
    ("execution", "polish"),
    ("notes",),
)
"""Keys that may change while a campaign is in progress; a change is stored as an edit and logged."""


class CampaignSpec(Spec):
    """A campaign file.

    Attributes:
        schema_version: Version of this format.
        name: Name of the campaign in the database and in commands.
        seed: Start of every random choice; the same seed and the same results give the same sequence of proposals.
        space: What is searched.
        calculator: How one candidate is evaluated; a table space has none, every other space needs one.
        levels: Cheaper levels at which candidates may be looked at before their full evaluation, the cheapest first. The
            proposer buys looks and full evaluations by what they are worth for their cost.
        label: Also stores this calculator's energies of the relaxed structures, for data sets; None: no label. Boundaries only.
        objective: What is wanted.
        constraints: Which candidates are never proposed.
        proposer: How the next candidate is chosen.
        transfer: Other searches from which the proposer learns; None: none.
        retrain: A surrogate that learns from the results as they come; None: none. Boundaries, and candidates that are computed
            for their energy.
        pre_screening: The label is not computed where a surrogate predicts a value that is bad enough; None: no pre-screening.
            Needs ``objective.property: label_grain_boundary_energy``.
        budget: What may be spent.
        execution: How evaluations run.
        reuse: Whether results that other campaigns of the database have computed before, of the same structures and calculator,
            are adopted instead of computed again; those that are there when the campaign is created.
        reuse_sha256: Content hash of what may be adopted; filled in when the campaign is created.
        known: A table of your own earlier values, which are adopted in the same way; None: none.
        known_first: Whether what is adopted is known before the first proposal and counts in no limit of the budget; filled in.
            Null: a campaign of an earlier version, which adopts what it proposes and counts it.
        notes: Free text for the campaign's owner; tansaku does not use it.
    """

    schema_version: Literal[1]
    name: Name
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    space: SpaceSpec
    calculator: CalculatorSpec | None = None
    levels: Annotated[tuple[LevelSpec, ...], Field(max_length=4)] = ()
    label: LabelSpec | None = None
    objective: ObjectiveSpec = ObjectiveSpec()
    constraints: ConstraintsSpec = ConstraintsSpec()
    proposer: ProposerSpec = GPProposerSpec()
    transfer: TransferSpec | None = None
    retrain: RetrainSpec | None = None
    pre_screening: PreScreeningSpec | None = None
    budget: BudgetSpec = BudgetSpec()
    execution: ExecutionSpec = ExecutionSpec()
    reuse: bool = False
    reuse_sha256: Sha256 | None = None
    known: KnownSpec | None = None
    known_first: Literal[True] | None = None
    notes: Annotated[str, Field(max_length=10_000), PLAIN_TEXT] = ""

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, data: object) -> object:
        """Completes the calculators of levels; specs were stored with ``first_look`` before it had its present name."""
        if not isinstance(data, Mapping):
            return data
        data = completed(data)
        if "first_look" not in data or data.get("pre_screening") is not None:
            return data
        return {"pre_screening" if key == "first_look" else key: value for key, value in data.items() if key != "pre_screening"}

    @model_validator(mode="after")
    def _parts_fit(self) -> CampaignSpec:
        recorded = self.space.recorded_source() is not None
        if recorded and self.calculator is not None:
            raise ValueError(f"calculator: a {self.space.type} space already holds its values; remove the calculator")
        if not recorded and self.calculator is None:
            raise ValueError(f"calculator: missing; a {self.space.type} space needs one{self.space.without_values}")
        if not recorded and not self.structureless and self.space.description.recorded:
            raise ValueError(f"calculator: a {self.space.type} space has no structures to compute; expected type manual")
        if self.calculator is not None and self.structureless and (self.label is not None or self.retrain is not None):
            raise ValueError(f"calculator: {self.calculator.type} computes no structures; remove label and retrain")
        if self.levels and self.space.prices:
            raise ValueError(
                "levels: not with prices in space.features; expected a number that is bought among the levels, with its column "
                "(a table of values) or unit (reported values), cost, and relation: unknown"
            )
        self.space.check_proposer(self.proposer, self.objective.goal.type, transfer=self.transfer is not None)
        self.space.check_use(self.calculator, *(key for key in ("label", "retrain") if getattr(self, key) is not None))
        return self

    @model_validator(mode="after")
    def _levels_fit(self) -> CampaignSpec:
        if self.proposer.buys_looks and not self.levels:
            raise ValueError(f"levels: missing; proposer {self.proposer.type} chooses between levels")
        if not self.levels:
            return self
        if not self.proposer.buys_looks and "proposer" in self.model_fields_set:
            raise ValueError(f"proposer: {self.proposer.type} buys no looks; remove it, or levels")
        if self.structureless and not self.manual:
            raise ValueError("levels: values come from a function; remove levels")
        if self.proposer.looks_at_all and self.levels[0].relation == "unknown":
            raise ValueError("levels[0].relation: unknown; proposer.screen orders candidates by it; expected rises or falls")
        recorded = self.space.recorded_source() is not None
        check_levels(self.levels, self.calculator, recorded=recorded, priced=recorded and self.space.has_costs)
        for i, level in enumerate(self.levels):
            if level.resumes and not recorded and not all(map(self._resumes, (level.calculator, self.calculator))):
                remedy = " (space.relaxed: true relaxes them)" if "relaxed" in type(self.space).model_fields else ""
                wanted = f"expected false: no structure is relaxed that another level could continue{remedy}"
                raise ValueError(f"levels[{i}].resumes: true; {wanted}")
        return self

    def misleading_look(self) -> tuple[int, str] | None:
        """Number of the first level whose calculator gives other values than the campaign's, and why; None: there is none.

        It is no rule of the spec: a stored campaign with such a level can still be read.
        """
        asked = described_needs(self.objective.property) if self.space.description.properties else None
        for i, level in enumerate(self.levels):
            if asked == "band_gap" and level.calculator is not None and not level.calculator.facts.band_gap:
                return i, f"{level.calculator.type} gives no {self.objective.property}"
            if asked == "phases" and not self._same_energies(level):
                return i, (
                    f"{self.objective.property} would compare its energies with phases of another "
                    "calculator; expected that of the campaign with another relaxation, or objective.property energy_per_atom"
                )
        return None

    def _same_energies(self, level: LevelSpec) -> bool:
        """Whether the calculators of a level and of the campaign give a structure the same energy."""
        own, full = (
            None if item is None else item.model_dump(exclude={"relaxation"}) for item in (level.calculator, self.calculator)
        )
        return own == full

    def _resumes(self, calculator: CalculatorSpec | None) -> bool:
        """Whether evaluations by a calculator relax a structure, and can begin from one that is relaxed."""
        workflow = workflow_of(calculator)
        job = jobs().get(self.space.description.jobs.get(None if workflow is None else workflow.type, ""))
        return job is not None and job.resumes and not self.space.as_they_stand

    @model_validator(mode="after")
    def _levels_are_weighed(self) -> CampaignSpec:
        if not self.levels:
            return self
        if self.objective.goal.type not in WITH_LEVELS or self.objective.further:
            raise ValueError(f"levels: expected one of the goals {', '.join(WITH_LEVELS)}, without limits or desirability")
        if self.budget.evaluations is not None or (self.budget.cost, self.budget.fraction) == (None, None):
            raise ValueError(
                "budget: looks are weighed by their cost; with levels expected cost or fraction, and no evaluations"
            )
        for key in ("label", "retrain", "pre_screening", "known"):
            if getattr(self, key) is not None:
                raise ValueError(f"{key}: not with levels; remove it")
        if self.transfer is not None and self.transfer.mode not in LEVEL_MODES:
            raise ValueError(f"transfer.mode: {self.transfer.mode}; with levels expected {' or '.join(LEVEL_MODES)}")
        if self.reuse or self.constraints.avoid_failures or self.space.preferred is not None:
            raise ValueError("levels: not with reuse, constraints.avoid_failures or space.prefers; remove these")
        return self

    def level(self, name: str) -> LevelSpec:
        """The cheaper level of a name. Raises KeyError."""
        return {level.name: level for level in self.levels}[name]

    def unit_at(self, level: str | None) -> Unit:
        """The unit of values at a level; None: at the wanted one."""
        return next((item.unit for item in self.levels if item.name == level and item.unit), self.objective.unit)

    @model_validator(mode="after")
    def _results_can_be_reused(self) -> CampaignSpec:
        key = "reuse" if self.reuse else None if self.known is None else "known"
        recorded = self.space.recorded_source() is not None
        if key is not None and (recorded or (self.manual and key == "reuse")):
            raise ValueError(f"{key}: values that are measured or recorded are not computed twice; remove it")
        if self.known is not None and self.manual == (self.known.level is not None):
            raise ValueError(f"known.level: {'given' if self.manual else 'missing'}; {_LEVEL_OF_KNOWN}")
        if self.known is not None:
            self._check_quantities(self.known)
        for filled in ("reuse_sha256", "known_first"):
            if key is None and getattr(self, filled) is not None:
                raise ValueError(f"{filled}: given, but nothing is adopted; remove it or set reuse: true")
        return self

    def _check_quantities(self, known: KnownSpec) -> None:
        """Raises ValueError unless known results have the quantities that an evaluation gives, in units of their kind."""
        wanted = {quantity.property: quantity.unit for quantity in self.objective.further}
        listed = ", ".join(wanted) if wanted else "none, as a result is one value"
        for name, column in known.quantities.items():
            if name not in wanted:
                raise ValueError(f"known.quantities: {name!r} is no quantity of a result; expected {listed}")
            try:
                convert(1.0, column.unit, wanted[name])
            except ValueError as error:
                raise ValueError(f"known.quantities.{name}.unit: {error}") from error
        missing = next((name for name in wanted if name not in known.quantities), None)
        if missing is not None:
            raise ValueError(
                f"known.quantities.{missing}: missing; with {self.objective.several} each result gives {listed}; expected "
                "{column: ..., unit: ...}"
            )

    @property
    def manual(self) -> bool:
        """Whether nothing is computed: proposals wait until people or robots report values."""
        return self.calculator is not None and self.calculator.facts.manual

    @property
    def structureless(self) -> bool:
        """Whether values come from the description of a candidate: they are reported, or a function computes them."""
        return self.calculator is not None and (self.manual or self.calculator.facts.described)

    @property
    def final_relaxations(self) -> int:
        """Number of best candidates of each system that are computed once more at the end."""
        return max(self.execution.polish, self.space.final_checks)

    @property
    def quantity(self) -> str:
        """Name of the value in figures and in tables for people: its property where the space has no name for it."""
        key, named = self.space.value_key(self.objective.property), self.objective.property or self.space.value_name
        return named if key == VALUE and named is not None else key

    @property
    def measured(self) -> Mapping[str, Unit]:
        """Units of the quantities that each measurement gives, by the column of a report; the value, if it is one, first."""
        value = {} if self.objective.desirability else {VALUE: self.objective.unit}
        return value | {goal.property: goal.unit for goal in self.objective.further}

    @model_validator(mode="after")
    def _label_fits(self) -> CampaignSpec:
        if self.label is not None:
            self.space.check_label(relaxed=self.label.relaxed)
        if self.objective.property == LABEL_PROPERTY and self.label is None:
            raise ValueError(
                f"objective.property: {LABEL_PROPERTY} is an energy of the label, but there is no label; add label"
            )
        return self

    @model_validator(mode="after")
    def _retrain_has_results(self) -> CampaignSpec:
        retrain = self.retrain
        if retrain is None:
            return self
        if not self.space.description.learnable:
            raise ValueError(f"retrain: a {self.space.type} space has no structures to learn from; remove it")
        if retrain.learns == "label" and self.label is None:
            raise ValueError("retrain.learns: label, but there is no label; add label, or learn the calculator's energies")
        if retrain.drift is not None and self.pre_screening is None:
            raise ValueError(
                "retrain.drift: only pre-screening predictions are compared with results; remove it or add pre_screening"
            )
        if retrain.drift is None and retrain.every is None:
            raise ValueError("retrain.every, retrain.drift: both are null; expected at least one")
        check_potential_keys(retrain)
        return self

    @model_validator(mode="after")
    def _networks_can_disagree(self) -> CampaignSpec:
        if self.proposer.asks_committee:
            if not self.space.as_they_stand:
                raise ValueError("proposer: disagreement looks at candidates as they stand; expected crystals, not relaxed")
            check_committee(self.retrain)
        return self

    @model_validator(mode="after")
    def _pre_screening_can_be_used(self) -> CampaignSpec:
        if self.pre_screening is None:
            return self
        if self.objective.property != LABEL_PROPERTY:
            raise ValueError(
                f"pre_screening: it saves labels, but the objective needs none; expected objective.property {LABEL_PROPERTY}"
            )
        if self.pre_screening.model is None and self.retrain is None:
            raise ValueError("pre_screening.model: null, and nothing is retrained; name a model of the registry or add retrain")
        learned = self.retrain.surrogate if self.retrain is not None else None
        if self.retrain is not None and self.retrain.learns != "label":
            raise ValueError("retrain.learns: calculator; pre-screening predicts the label's energies, expected label")
        learns = learned.learned_properties() if learned is not None else ("energy",)
        if "energy" not in learns:
            raise ValueError(f"retrain.surrogate: it learns {', '.join(learns)}; pre-screening needs energy")
        if self.objective.further:
            raise ValueError("pre_screening: it predicts the value alone, but the objective has further quantities; remove it")
        return self

    @model_validator(mode="after")
    def _fields_are_there(self) -> CampaignSpec:
        if self.retrain is not None:
            density = bool(getattr(self.calculator, "density", False))
            check_fields(self.retrain, density=density, looks=self.pre_screening is not None)
        return self

    @model_validator(mode="after")
    def _workflow_fits(self) -> CampaignSpec:
        workflow, about = workflow_of(self.calculator), self.space.description
        jobs, wanted_first = about.jobs, about.meant(self.objective.property)
        own = about.objectives_of.get(jobs[None], (wanted_first,)) if None in jobs else ()
        computed = self.calculator is not None and not self.structureless and wanted_first in about.properties
        if workflow is None and computed and wanted_first not in own:
            wanted = " or ".join(name for name in jobs if name is not None)
            raise ValueError(
                f"calculator.workflow: missing; a {self.space.type} space needs a calculator with workflow type {wanted}: "
                f"one of {', '.join(types_with_workflow(name for name in jobs if name is not None))}"
            )
        if workflow is not None:
            if workflow.type not in jobs:
                raise ValueError(f"calculator.workflow: {workflow.type} does not compute a {self.space.type} space; remove it")
            self.space.check_workflow(workflow)
            if wanted_first in about.properties and wanted_first not in about.computed_by(workflow.type):
                raise ValueError(
                    f"calculator.workflow: {workflow.type} gives {' or '.join(about.computed_by(workflow.type))}, not "
                    f"{wanted_first}; remove it or choose another objective.property"
                )
        return self

    @model_validator(mode="after")
    def _objective_fits(self) -> CampaignSpec:
        about, wanted = self.space.description, self.objective
        if about.properties and wanted.property is not None and wanted.property not in about.properties:
            expected = " or ".join(about.properties)
            raise ValueError(f"objective.property: {wanted.property!r} is not computed; expected {expected}")
        units = about.units_of(wanted.property)
        if units and wanted.unit not in units:
            name = wanted.property or about.properties[0]
            raise ValueError(f"objective.unit: {wanted.unit!r} is no unit of {name}; expected {' or '.join(units)}")
        if about.properties and described_needs(wanted.property) == "phases" and "phases" not in self._met_needs():
            raise ValueError(f"space.phases: missing; {wanted.property} compares a candidate with phases")
        if about.properties and described_needs(wanted.property) == "band_gap" and "band_gap" not in self._met_needs():
            giving = ", ".join(kind.type_name() for kind in CALCULATORS if kind.facts.band_gap)
            raise ValueError(f"calculator.type: its results have no {wanted.property}; expected {giving}")
        energies = workflow_of(self.calculator) is None and about.jobs.get(None) == "energy"
        if not about.polished or energies:
            set_default(self, execution=self.execution.without_polish(f"a space of type {self.space.type}"))
        return self

    @model_validator(mode="after")
    def _relaxation_is_used(self) -> CampaignSpec:
        # Given values and defaults look the same in a stored spec; only the value counts.
        field = type(self.calculator).model_fields.get("relaxation") if self.calculator is not None else None
        if not self.space.as_they_stand or field is None or self.calculator is None:
            return self
        if self.calculator.relaxation != field.default:
            raise ValueError(
                "calculator.relaxation: given, but candidates are computed as they stand; remove it or set "
                f"{self.space.relaxing}"
            )
        return self

    @model_validator(mode="after")
    def _final_relaxation_is_no_rougher(self) -> CampaignSpec:
        final = self.execution.polish_fmax
        searched = self.calculator.relaxation.fmax if self.calculator is not None and not self.structureless else None
        if final is not None and searched is not None and final > searched:
            raise ValueError(f"execution.polish_fmax: {final:g}; expected at most {searched:g} (calculator.relaxation.fmax)")
        return self

    @model_validator(mode="after")
    def _stop_rule_can_be_judged(self) -> CampaignSpec:
        rule = self.budget.stop
        if rule is None:
            return self
        if not self.proposer.models_values:
            raise ValueError(
                f"budget.stop: proposer {self.proposer.type} does not estimate what remains; remove it or choose gp"
            )
        objective = self.objective
        if rule.worth is not None and objective.goal.type not in WITH_A_WORTH:
            raise ValueError(
                f"budget.stop.when: not_worth_it, but with the goal {objective.goal.type} an evaluation gains no amount; "
                f"expected one of {', '.join(WITH_A_WORTH)}"
            )
        if rule.worth is None and objective.further:
            raise ValueError(
                f"budget.stop.when: certain, but with {objective.several} nothing is certified; expected not_worth_it and worth"
            )
        unit, of = (OF_VOLUME, "a share of the front's volume") if objective.goals else (objective.unit, "the objective's unit")
        try:
            rule.check(unit, learns_cost=self.space.learns_cost, of=of)
        except ValueError as error:
            raise ValueError(f"budget.stop.{error}") from error
        return self

    @model_validator(mode="after")
    def _failures_are_learned(self) -> CampaignSpec:
        if self.constraints.avoid_failures and not self.proposer.models_values:
            raise ValueError(f"constraints.avoid_failures: proposer {self.proposer.type} has no model; remove it or choose gp")
        return self

    @model_validator(mode="after")
    def _transfer_is_learned(self) -> CampaignSpec:
        if self.transfer is not None and not self.proposer.models_values:
            raise ValueError(f"transfer: proposer {self.proposer.type} has no model; remove it or choose gp")
        return self

    @model_validator(mode="after")
    def _expectation_is_used(self) -> CampaignSpec:
        if self.space.preferred is None:
            return self
        if not self.proposer.models_values:
            raise ValueError(f"space.prefers: proposer {self.proposer.type} has no model that expects; remove it or choose gp")
        if self.transfer is not None:
            raise ValueError("space.prefers: not with transfer, which also tells what to expect; remove one")
        if self.objective.goals or self.objective.desirability:
            raise ValueError(f"space.prefers: not with {self.objective.several}: several quantities count there; remove one")
        transform = getattr(self.proposer, "transform", None)
        if transform is not None and transform.standardise == "none":
            raise ValueError("space.prefers: it counts in standard deviations of the values; expected another standardise")
        return self

    @model_validator(mode="after")
    def _proposer_fits_the_goal(self) -> CampaignSpec:
        goal = self.objective.goal
        self.proposer.check_goal(goal.type, goal.acquisitions)
        if not (self.objective.limits or self.objective.desirability):
            return self
        several = self.objective.several
        if not self.proposer.keeps_limits:
            raise ValueError(f"{several}: proposer {self.proposer.type} does not learn them; remove them or choose gp")
        for key in ("floor", "worst_first", "function"):
            if getattr(self.proposer, key, None) is not None:
                raise ValueError(f"proposer.{key}: not with {several}; remove it")
        if self.objective.desirability and getattr(self.proposer, "acquisition", None) not in (None, "ei"):
            raise ValueError("proposer.acquisition: with objective.desirability expected ei, its expected improvement")
        acquisition = getattr(self.proposer, "acquisition", None)
        if acquisition is not None and acquisition not in goal.limited:
            expected = " or ".join(goal.limited)
            raise ValueError(f"proposer.acquisition: {acquisition} does not weigh objective.limits; expected {expected}")
        return self

    @model_validator(mode="after")
    def _goal_suits_the_space(self) -> CampaignSpec:
        goal, about = self.objective.goal, self.space.description
        if goal.gridded and not about.gridded:
            raise ValueError(f"objective.goal: {goal.type} needs a grid of points; expected space.type energy_surface")
        if goal.properties and (about.meant(self.objective.property) not in goal.properties or not self.space.competes):
            raise ValueError(
                f"objective.goal: {goal.type} is about {' or '.join(goal.properties)} of candidates with a composition; "
                "expected it as objective.property, and space.type structures, composition, or table with columns.formula"
            )
        units = objective_described(about.meant(self.objective.property) or "").units if goal.properties else ()
        if units and self.objective.unit not in units:
            raise ValueError(f"objective.unit: {self.objective.unit!r}; the goal {goal.type} expects {' or '.join(units)}")
        if goal.exchanging and not self.space.exchanges:
            raise ValueError(
                f"objective.goal: {goal.type} needs candidates that exchange a neutral unit with their surroundings; expected "
                "a space with space.unit, or best_per_system"
            )
        if not (goal.joint or goal.exchanging):
            return self
        if self.objective.direction != "minimize":
            raise ValueError(f"objective.direction: {self.objective.direction}; expected minimize for the goal {goal.type}")
        if self.transfer is not None:
            raise ValueError(f"transfer: not with the goal {goal.type}; remove it")
        return self

    @model_validator(mode="after")
    def _front_is_known(self) -> CampaignSpec:
        further = self.objective.further
        if not further:
            return self
        if self.objective.desirability and not self.manual:
            raise ValueError("objective.desirability: of measured quantities alone; expected calculator: {type: manual}")
        if self.structureless:
            self._check_reported(further)
        else:
            self._check_computed(further)
        if self.transfer is not None:
            raise ValueError(f"transfer: not with {self.objective.several}; remove it")
        return self

    def _check_reported(self, further: Sequence[FurtherObjectiveSpec]) -> None:
        """Raises ValueError if a report could not name a further objective: it has a column for each."""
        for key, objective in zip(self.objective.further_keys, further, strict=True):
            # Headings are read in any case.
            if objective.property.lower() in taken_names() | {(self.objective.property or "").lower()}:
                raise ValueError(
                    f"{key}.property: a column {objective.property!r} of a report means something else; choose another name"
                )

    def _check_computed(self, further: Sequence[FurtherObjectiveSpec]) -> None:
        """Raises ValueError if a further objective is no result of an evaluation, or has another unit."""
        workflow = workflow_of(self.calculator)
        known = self.space.further_properties(self._met_needs(), workflow.type if workflow is not None else None)
        for key, objective in zip(self.objective.further_keys, further, strict=True):
            if objective.property not in known:
                expected = f"one of {', '.join(known)}" if known else "a quantity that space.columns.quantities names"
                raise ValueError(f"{key}.property: {objective.property!r} is not known; expected {expected}")
            try:
                convert(1.0, known[objective.property], objective.unit)
            except ValueError as error:
                raise ValueError(f"{key}.unit: {error}") from error

    @model_validator(mode="after")
    def _budget_is_known(self) -> CampaignSpec:
        if self.budget.fraction is not None and self.space.learns_cost:
            raise ValueError(
                "budget.fraction: the cost of all candidates is not known beforehand with space.cost.model: measured; "
                "give budget.cost (core-seconds) or budget.evaluations"
            )
        return self

    def _met_needs(self) -> frozenset[Need]:
        """Requirements of properties that this campaign meets."""
        workflow = workflow_of(self.calculator)
        met: dict[Need, bool] = {
            "label": self.label is not None,
            "phases": (self.space.competing_phases if workflow is None else workflow.competing_phases) is not None,
            "band_gap": self.calculator is not None and self.calculator.facts.band_gap,
        }
        return frozenset(need for need, has in met.items() if has)

"""Results of stored campaigns and of a table that a new campaign adopts, frozen by content when it is created."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose, isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import tansaku
from tansaku.calculators.workflows.stability import energy_above_hull, formation_energy, phases_of
from tansaku.models.domain.absurd_values import believable
from tansaku.models.domain.adoption import ADOPTED, Kept, Known, Origin
from tansaku.models.domain.desirability import desirability
from tansaku.models.domain.errors import (
    CalculationError,
    ConfigurationError,
    MissingComponentError,
    NotFoundError,
    StoreError,
    TransientError,
)
from tansaku.models.domain.identifiers import canonical_json, short_hash, shown
from tansaku.models.domain.level_of_theory import check_level, level_in_words
from tansaku.models.domain.ports import ArtifactStore, CampaignStore, DescribingSpace, RefinedSpace, Space
from tansaku.models.domain.records import CampaignRecord, Evaluation, Event, JsonDict, Outcome, Provenance, Quantity
from tansaku.models.domain.report_columns import VALUE
from tansaku.models.domain.specs.calculators.contract import settings_of
from tansaku.models.domain.specs.campaign import CampaignSpec, KnownSpec
from tansaku.models.domain.specs.energy_surface import ENERGY
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import Unit, recorded_in, same_numbers, unit_of_heading
from tansaku.spaces.space_registry import open_space, pool_with
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.reuse.keys import computation_key, computing_plugins, only_energy, structure_key
from tansaku.tasks.node.configuration.references import pending_phases

if TYPE_CHECKING:
    from tansaku.spaces.table_file import TableFile

CONTENT_TYPE = "application/json"

REUSED = "reuse.frozen"
"""Kind of the event with the number of results that a campaign may adopt."""

MOST_COMPARED = 20_000
"""Candidates whose structures are compared with those of results when a campaign is created, others when they are proposed."""


@dataclass
class Frozen:
    """Results found for a new campaign.

    Attributes:
        results: By the key of their structure; of several results of one structure the first one computed.
        campaigns: How many of them each campaign gave, or each table.
        left_out: Campaigns that compute the same but cannot be read or opened here, and why.
    """

    results: dict[str, Known] = field(default_factory=dict)
    campaigns: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def find_results(spec: CampaignSpec, base_path: Path, store: CampaignStore) -> Frozen:
    """Collects the results that a new campaign may adopt, beginning with the oldest campaign.

    Args:
        base_path: Folder in which its relative paths start.
        store: Its creator may read all campaigns of it: this is the command line, with the rights of the database, or the
            process that creates a campaign for the dashboard, which holds only what its author may read.

    Raises:
        ConfigurationError: Its table of known values is wrong, or of another level of theory.
    """
    frozen, space = Frozen(), open_space(spec.space, base_path)
    if spec.reuse:
        _find_computed(Wanted.of(spec, base_path), space, store, frozen)
    if spec.known is not None:
        computed = {candidate for known in frozen.results.values() for candidate in known.candidates}
        values = [value for value in known_values(spec, base_path, space) if value.origin.candidate not in computed]
        frozen.results |= {f"candidate {value.origin.candidate}": value for value in values}
        frozen.campaigns[Path(spec.known.file).name] = len(values)
    return frozen


def _find_computed(wanted: Wanted, space: Space, store: CampaignStore, frozen: Frozen) -> None:
    """Adds the results of stored campaigns, with the candidates that have them."""
    for record in others_of(wanted.spec.name, store, frozen.left_out):
        try:
            found = dict(_results(record, wanted, store))
        except TransientError:
            raise
        except (StoreError, ConfigurationError, MissingComponentError) as error:
            frozen.left_out[record.name] = error.message
            continue
        new = {key: known for key, known in found.items() if key not in frozen.results}
        frozen.results |= new
        if new:
            frozen.campaigns[record.name] = len(new)
    for key, candidates in _candidates_of(frozen.results, wanted.spec, space).items():
        frozen.results[key] = frozen.results[key].model_copy(update={"candidates": tuple(candidates)})


def _candidates_of(results: Mapping[str, Known], spec: CampaignSpec, space: Space) -> dict[str, list[str]]:
    """Candidates of a space by the key of their structure, of those that have a result.

    Where only the atoms matter, any candidate may have any structure; elsewhere equal structures have equal ids.
    """
    if not results:
        return {}
    listed, atoms_only = space.pool().ids.tolist(), only_energy(spec)
    there, named = set(listed), [known.origin.candidate for known in results.values()]
    near = [name for name in named if name in there or isinstance(space, RefinedSpace)]
    found: dict[str, list[str]] = {}
    for candidate in dict.fromkeys((*near, *(listed[:MOST_COMPARED] if atoms_only else ()))):
        try:
            key = structure_key(space.structure(candidate), with_info=not atoms_only)
        except (CalculationError, NotFoundError):
            continue
        if key in results:
            found.setdefault(key, []).append(candidate)
    return found


def others_of(name: str, store: CampaignStore, left_out: dict[str, str]) -> list[CampaignRecord]:
    """The other campaigns that are stored, the oldest first, without those that are being deleted.

    Args:
        name: Of the new campaign.
        left_out: Gets those that cannot be read, and why.
    """
    records = []
    for stored in store.campaign_names():
        try:
            records.append(store.campaign(stored))
        except NotFoundError:
            continue  # deleted meanwhile
        except StoreError as error:
            left_out[stored] = error.message
    others = (record for record in records if record.name != name and not record.deleting)
    return sorted(others, key=lambda record: (record.created_at, record.name))


def computes_the_same(spec: CampaignSpec, wanted: str) -> bool:
    """Returns whether the jobs of a campaign compute what another one wants, given by its computation key."""
    return not spec.manual and spec.calculator is not None and computation_key(spec) == wanted


def _results(record: CampaignRecord, wanted: Wanted, store: CampaignStore) -> Iterator[tuple[str, Known]]:
    """Results of a campaign that computes the same, by the key of their structure."""
    spec = stored_spec(record)
    if spec.calculator is None or not computes_the_same(spec, computation_key(wanted.spec)):
        return
    space = open_space(spec.space, Path(record.base_path))
    calculator, seen = spec.calculator.model_dump(mode="json"), set[str]()
    plugins = computing_plugins(wanted.spec)
    for evaluation in store.evaluations(record.name):
        outcome = evaluation.outcome
        if outcome is None or not is_own(evaluation) or believable(outcome, spec.objective, spec.space) is not outcome:
            continue
        if outcome.provenance is not None:
            if not plugins <= set(outcome.provenance.plugins):
                continue  # another version of a plug-in computed it
            check_level(calculator, outcome.provenance, f"proposal {evaluation.proposal.number} of {record.name}")
        try:
            atoms = space.structure(evaluation.proposal.candidate)
        except (CalculationError, NotFoundError):
            continue
        key = structure_key(atoms, with_info=not only_energy(spec))
        if key in seen or (read := wanted.read(outcome, spec, atoms.get_chemical_symbols())) is None:
            continue
        seen.add(key)
        yield key, Known(origin=_origin(record, evaluation), outcome=read)


def is_own(evaluation: Evaluation) -> bool:
    """Returns whether a job of this database computed the value of a search: no import and no prediction did."""
    attempt, outcome = evaluation.current_attempt, evaluation.outcome
    return (
        evaluation.state is EvaluationState.DONE
        and evaluation.proposal.purpose == "search"
        and outcome is not None
        and outcome.value is not None
        and outcome.predicted_by is None
        and ADOPTED not in outcome.properties
        and attempt is not None
        and attempt.handle is not None  # an import has none
    )


def _origin(record: CampaignRecord, evaluation: Evaluation) -> Origin:
    proposal = evaluation.proposal
    return Origin(
        campaign=record.name,
        created_at=record.created_at,
        number=proposal.number,
        candidate=proposal.candidate,
        core_seconds=None if evaluation.outcome is None else evaluation.outcome.core_seconds,
    )


def keep_results(artifacts: ArtifactStore, frozen: Frozen) -> str:
    """Stores what may be adopted; returns its content hash."""
    text = canonical_json({key: frozen.results[key].model_dump(mode="json") for key in sorted(frozen.results)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.json"
        path.write_text(text, encoding="ascii")
        return artifacts.put(path, content_type=CONTENT_TYPE)


def kept_results(artifacts: ArtifactStore, sha256: str) -> dict[str, Known]:
    """Reads what may be adopted. Raises NotFoundError."""
    with artifacts.open(sha256) as stream:
        return Kept.validate_json(stream.read())


def note_reuse(store: CampaignStore, known: CampaignRecord, data: JsonDict) -> None:
    """Records in the audit which results the campaign may adopt, and which campaigns could not be read."""
    store.append_event(Event(id=short_hash([known.id, REUSED]), campaign=known.id, kind=REUSED, at=known.created_at, data=data))


_BY_PHASES: dict[str, Callable[[Sequence[str], float, Mapping[str, float]], float]] = {
    "formation_energy": formation_energy,
    "energy_above_hull": energy_above_hull,
}
"""Properties that follow from the energy and the phases of a campaign [eV/atom]."""


@dataclass(frozen=True)
class Wanted:
    """Result that a campaign wants of a calculation.

    Attributes:
        phases: Energies of its space's phases by formula [eV/atom]; None where it names none, or is still to compute some.
    """

    spec: CampaignSpec
    phases: Mapping[str, float] | None

    @classmethod
    def of(cls, spec: CampaignSpec, base_path: Path) -> Wanted:
        """The result that a campaign wants. Raises ConfigurationError if its table of phases is missing or wrong."""
        phases = spec.space.competing_phases
        return cls(spec, None if phases is None or pending_phases(spec) is not None else phases_of(phases, base_path))

    def read(self, outcome: Outcome, computed_for: CampaignSpec, symbols: Sequence[str]) -> Outcome | None:
        """The outcome as a job of this campaign would have given it; None where the record does not hold what is wanted.

        Args:
            outcome: With a value, of a calculation that this campaign would do as well.
            symbols: Elements of the structure.
        """
        if _question(self.spec) == _question(computed_for):
            return outcome
        if outcome.value is None or outcome.deviation is not None:  # an estimated error is that of one property
            return None
        objective, theirs = self.spec.objective, computed_for.objective
        known = {_meant(computed_for): Quantity(value=outcome.value, unit=theirs.unit)} | outcome.quantities
        if _phases(self.spec) != _phases(computed_for):
            known = {name: quantity for name, quantity in known.items() if name not in _BY_PHASES}
        names = (_meant(self.spec), *(goal.property for goal in objective.further))
        for name in names:
            if name not in known and name in _BY_PHASES and self.phases is not None and ENERGY in known:
                value = _BY_PHASES[name](symbols, known[ENERGY].value, self.phases)
                known[name] = Quantity(value=value, unit="eV/atom")
        if any(name not in known for name in names):
            return None
        found = known[names[0]]
        return outcome.model_copy(update={"value": recorded_in(found.value, found.unit, objective.unit), "quantities": known})


def _meant(spec: CampaignSpec) -> str:
    return spec.space.description.meant(spec.objective.property) or ""


def _question(spec: CampaignSpec) -> list[object]:
    further = [(goal.property, goal.unit) for goal in spec.objective.further]
    return [_meant(spec), spec.objective.unit, further, _phases(spec)]


def _phases(spec: CampaignSpec) -> JsonDict | None:
    """The phases that a campaign compares candidates with, a table of them by its content.

    What the same calculator computes for the same question is the same, whoever asked first.
    """
    phases = spec.space.competing_phases
    if phases is None:
        return None
    return phases.model_dump(mode="json", exclude={"computed"} | ({"file"} if phases.sha256 is not None else set()))


def known_values(spec: CampaignSpec, base_path: Path, space: Space) -> list[Known]:
    """The results of a campaign's table, in its order; none without a table.

    Args:
        base_path: Folder in which its relative paths start.

    Raises:
        ConfigurationError: The table is missing or another one, its level of theory is not the campaign's, or a row lacks a
            number (one without any is left out where people report values), or has one that is too large, another row's
            candidate, or one that is not in the space.
    """
    known, calculator = spec.known, spec.calculator
    if known is None or calculator is None:
        return []
    level = None if spec.manual else level_in_words(calculator.model_dump(mode="json"))
    if known.level != level:
        raise ConfigurationError(
            f"known.level: {shown(known.level)}; expected {level!r}, by which the campaign computes",
            hint="a campaign learns from values of another level of theory by transfer",
        )
    from tansaku.spaces.table_file import TableFile  # with pyarrow, which few campaigns need here

    file = TableFile(base_path / known.file, "known.file", known.sha256)
    results = _results_in(file, known, spec.measured, skip_empty=spec.manual)
    rows = {name: row for row, name, _ in results}
    _check_candidates(rows, space)
    if isinstance(space, DescribingSpace):
        _check_settings(file, rows, space)
    provenance = Provenance(
        code=calculator.code_name(),
        code_version="unknown",
        tansaku_version=tansaku.__version__,
        settings=settings_of(calculator),
    )
    found = []
    for row, name, numbers in results:
        outcome = believable(_outcome_of(spec, numbers, provenance), spec.objective, spec.space)
        if outcome.failure is not None:
            raise ConfigurationError(f"known.file: row {row} ({shown(name)}): {outcome.failure.message}")
        origin = Origin(campaign="", created_at=None, number=row, candidate=name, file=file.path.name)
        found.append(Known(origin=origin, outcome=outcome, candidates=(name,)))
    return found


def _results_in(
    file: TableFile, known: KnownSpec, measured: Mapping[str, Unit], *, skip_empty: bool
) -> list[tuple[int, str, dict[str, float]]]:
    """Row, candidate and quantities of each result of a table, these in the campaign's units.

    Args:
        measured: Units of the quantities of a result.
        skip_empty: Whether rows without any of them are left out.
    """
    names, columns = _columns_in(file, known, measured)
    found, first = [], dict[str, int]()
    for row, (candidate, *cells) in enumerate(zip(names, *columns.values(), strict=True), start=1):
        if skip_empty and all(map(isnan, cells)):
            continue
        lacking = next((key for key, cell in zip(columns, cells, strict=True) if not isfinite(cell)), None)
        if lacking is not None:
            expected = "remove the row" if len(cells) == 1 else f"expected {' and '.join(measured)} or none of them"
            raise ConfigurationError(f"{lacking}: row {row} ({shown(candidate)}) has no finite value; {expected}")
        if first.setdefault(candidate, row) != row:
            raise ConfigurationError(
                f"known.candidate: {shown(candidate)} is in rows {first[candidate]} and {row}; expected it once"
            )
        found.append((row, candidate, dict(zip(measured, cells, strict=True))))
    return found


def _columns_in(file: TableFile, known: KnownSpec, measured: Mapping[str, Unit]) -> tuple[list[str], dict[str, list[float]]]:
    """Candidates of a table, and the columns of their quantities in the campaign's units by the key that names each."""
    from tansaku.spaces.table_file import in_unit

    columns = {name: (f"known.quantities.{name}", of.column, of.unit) for name, of in known.quantities.items()}
    wanted = measured.get(VALUE, "")
    columns[VALUE] = ("known.value", known.value, known.unit or unit_of_heading(known.value, wanted) or wanted)
    ids = file.require(known.candidate, "known.candidate")
    table = file.read([ids, *(file.require(columns[name][1], columns[name][0]) for name in measured)])
    found = {}
    for name, unit in measured.items():
        key, column, own = columns[name]
        numbers, where = table.numbers(column, key), f"{'known' if name == VALUE else key}.unit"
        stated = unit_of_heading(column, own)
        if stated is not None and not same_numbers(own, stated):
            raise ConfigurationError(f"{where}: {own!r}, but the heading {column!r} says {stated!r}; change one of them")
        try:
            found[key] = in_unit(numbers, own, unit).tolist()
        except ValueError as error:
            raise ConfigurationError(f"{where}: {error}") from error
    return table.text(ids, "known.candidate", fractions=False).tolist(), found


def _outcome_of(spec: CampaignSpec, numbers: Mapping[str, float], provenance: Provenance) -> Outcome:
    """A result of some quantities, as an evaluation gives it."""
    objective = spec.objective
    value = numbers.get(VALUE)
    if value is None:
        desired = [numbers[item.property] for item in objective.desirability]
        value = float(desirability(objective.desirability, np.array(desired)))
    quantities = {item.property: Quantity(value=numbers[item.property], unit=item.unit) for item in objective.further}
    return Outcome(value=value, quantities=quantities, provenance=provenance)


def _check_candidates(rows: Mapping[str, int], space: Space) -> None:
    """Raises ConfigurationError unless all candidates are in the space.

    Args:
        rows: Their rows.
    """
    if not _hold(space, list(rows)):
        name, row = next((name, row) for name, row in rows.items() if not _hold(space, [name]))
        raise ConfigurationError(f"known.candidate: row {row}: candidate {shown(name)} is not in the space")


def _check_settings(file: TableFile, rows: Mapping[str, int], space: DescribingSpace) -> None:
    """Raises ConfigurationError where a table describes a candidate otherwise than the space does.

    Args:
        rows: Numbers of the rows, by candidate.
    """
    columns = [column for column in space.columns() if column.name in file.names]
    if not columns:
        return
    table, described = file.read([column.name for column in columns]), {name: space.cells(name) for name in rows}
    for column in columns:
        texts = table.text(column.name, "known.file", empty_cells=True).tolist()
        numbers = [] if column.allowed else table.numbers(column.name, "known.file").tolist()
        for name, row in rows.items():
            own, written = described[name].get(column.name), texts[row - 1]
            if own is None or not written:
                continue
            if not (_near(numbers[row - 1], float(own), column.tolerance) if numbers else _is(written, own)):
                raise ConfigurationError(
                    f"known.file: row {row}: {column.name} is {written!r}, but candidate {shown(name)} has {own!r}",
                    hint="`tansaku tell` takes what was done at other settings",
                )


def _near(written: float, own: float, tolerance: float) -> bool:
    """Returns whether a number may be a candidate's, rounded; a missing one may be any."""
    return isnan(written) or isnan(own) or isclose(written, own, rel_tol=0.01, abs_tol=tolerance)


def _is(written: str, own: str | float) -> bool:
    return written.strip().lower() == str(own).lower()


def _hold(space: Space, names: list[str]) -> bool:
    try:
        pool_with(space, names).positions(names)
    except NotFoundError:
        return False
    return True

"""A campaign that a script makes and steers."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, Unpack, overload

from pydantic import ValidationError, create_model

from tansaku.deploy.python.parts import Calculator, Part, Proposer, Section, Space, plain
from tansaku.deploy.python.places import Database, Memory, Place, keep_files
from tansaku.deploy.python.sources import acquisition_keys, function_calculator, with_kept_file
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StateError
from tansaku.models.domain.identifiers import NAME_PATTERN, printable, shown
from tansaku.models.domain.ports import Space as SearchedSpace
from tansaku.models.domain.records import Evaluation, JsonDict
from tansaku.models.domain.specs.base import NamesFile, Spec
from tansaku.models.domain.specs.calculators.table import CALCULATORS
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.space import SPACE_SPECS
from tansaku.models.domain.states import ENDED, CampaignState
from tansaku.models.domain.verbs import SteeringKind
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.act.commands import steer
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.act.measurements import ask_tell, attachments
from tansaku.tasks.act.measurements.notebook import report_from, script_user
from tansaku.tasks.act.measurements.stored_commands import store_ask
from tansaku.tasks.act.measurements.waiting import Asked, asked_before, waiting_proposals
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import awaited_spec, stored_spec
from tansaku.tasks.ground.formats.validation import validate_data, validate_document
from tansaku.tasks.ground.formats.yaml_text import YamlText, write_yaml
from tansaku.tasks.ground.site.garbage import collection_paused
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, campaign_from_data
from tansaku.tasks.node.configuration.written import written_spec
from tansaku.tasks.read.views.campaign import Campaign as Reading
from tansaku.tasks.read.views.origins import best_place
from tansaku.tasks.read.views.results import cells_of
from tansaku.tasks.read.views.status import CampaignStatus, campaign_status
from tansaku_client.calls import changes_of, key_of, path_of
from tansaku_client.candidates import Candidate, Form, Found, Of, Proposed, id_of, named, number_of, refuse_beside_a_report
from tansaku_client.points import points_of
from tansaku_client.steering import Steered

if TYPE_CHECKING:
    import pandas as pd
    from ase import Atoms

    from tansaku.deploy.python.constructors import CampaignKeys
    from tansaku.deploy.python.driving import Driving
    from tansaku.deploy.python.sources import Function
    from tansaku.models.domain.measurements import Attachment
    from tansaku.models.engine.own import AcquisitionFunction
    from tansaku.tasks.act.measurements.campaign_view import CampaignView
    from tansaku.tasks.act.measurements.notebook import Values
    from tansaku.tasks.act.measurements.stored_commands import Receipt
    from tansaku.tasks.loop.driver.result import EndReason
    from tansaku.tasks.read.views.hull import Hull
    from tansaku_client.points import Points

P = ParamSpec("P")
T = TypeVar("T")

_SOURCE = "Python"
_ANY: dict[str, Any] = dict.fromkeys((*CampaignSpec.model_fields, "acquisition", "store"), (object, None))
_Keys = create_model("Keys", __base__=Spec, **_ANY)  # with any value: what is no key is refused first


class Campaign(Steered):
    """A campaign that a script makes: the spec of a campaign file, and the same verbs.

    A campaign in the database that has this name and this spec continues; with another spec it is refused. Whoever runs the
    script again, or `tansaku` on the command line, continues where it was.

    Args:
        space: What is searched.
        objective: What is wanted; None: the default of a campaign file.
        budget: What may be spent: a number of evaluations, or ``tansaku.Budget(...)``.
        proposer: How the next candidate is chosen; a text is its type.
        acquisition: A function of pool, observations, posterior and random generator that scores each candidate, in place of
            the proposer's acquisition: see :class:`tansaku.Observations` and :class:`tansaku.Posterior`. The campaign keeps
            its text, and refuses to continue with another.
        calculator: How a candidate is evaluated; a text is its type; a function of the parameters is computed by workers as
            that of :func:`tansaku.optimize`. None: values are reported, unless the space holds them.
        name: In the database and in commands; None: the name of the script's file.
        store: ``"database"``: that of the command line. None: the memory of this process, which needs no database.
        keys: Other keys of a campaign file, such as ``seed`` and ``execution``.

    Raises:
        InvalidSpecError: A key is wrong: one line for each problem.
        ConfigurationError: A file does not exist, or a part is not what its key needs.
        SpecChangedError: A campaign of this name is stored with another spec.
        TransientError: The database does not answer.
    """

    _driving: Driving | None = None

    def __init__(
        self,
        space: Space | Mapping[str, object],
        objective: Section | Mapping[str, object] | None = None,
        budget: int | Section | Mapping[str, object] | None = None,
        *,
        proposer: Proposer | Mapping[str, object] | str | None = None,
        acquisition: AcquisitionFunction | None = None,
        calculator: Calculator | Mapping[str, object] | Function | str | None = None,
        name: str | None = None,
        store: Literal["database"] | None = "database",
        **keys: Unpack[CampaignKeys],
    ) -> None:
        validate_data(_Keys, keys)
        if _is_function(calculator):
            from tansaku.calculators.engines.function import stop_here_if_imported

            stop_here_if_imported()
        files: dict[str, bytes] = {}
        given = {
            "space": space,
            "calculator": calculator,
            "objective": objective,
            "proposer": proposer,
            "budget": budget,
            **keys,
        }
        data = {key: _value(key, value, files) for key, value in given.items() if value is not None}
        if "calculator" in data and isinstance(data["calculator"], dict):
            data["calculator"] = with_kept_file(data["calculator"], files)
        if acquisition is not None:
            data["proposer"] = {"type": "gp", **data.get("proposer", {}), "function": acquisition_keys(acquisition)}
        if store not in ("database", None):
            raise ConfigurationError(f"store: {shown(store)}; expected 'database', or None for the memory of this process")
        first = {"schema_version": 1, "name": _default_name(store) if name is None else name}
        self._place: Place = Memory() if store is None else Database()
        with collection_paused(), self._place.open() as resources:
            loaded = _loaded(resources, first | data, files)
            self._name = prepare_campaign(resources, script_user(), loaded, say_aside).name

    @classmethod
    def open(cls, name: str) -> Campaign:
        """Opens a stored campaign, whatever made it, to ask, tell and steer. Raises NotFoundError, and ConfigurationError."""
        if not isinstance(name, str):
            raise ConfigurationError(f"name: {shown(name)}; expected the name of a campaign")
        campaign = cls.__new__(cls)
        campaign._place, campaign._name = Database(), name
        with campaign._place.open() as resources:
            resources.store.campaign(name)
        return campaign

    @property
    def name(self) -> str:
        """Name of the campaign."""
        return self._name

    @property
    def spec(self) -> CampaignSpec:
        """The frozen spec with all edits, also those that the next proposal follows."""
        with self._place.open() as resources:
            return awaited_spec(resources.store.campaign(self._name))

    @property
    def yaml(self) -> str:
        """The campaign as the text of a campaign file. Tables and structures of this script are files that it names."""
        return write_yaml(written_spec(self.spec))

    # What is to be measured.

    def ask(self, count: int | None = None, *, values_only: bool = False, request_id: str | None = None) -> list[Proposed]:
        """Proposes until some proposals wait for values, as `tansaku ask` does; returns all that wait, by number.

        Asked again before a value is reported, it returns the same, also where it was killed between two of them; asked again
        under the same id, those of the same proposals that still wait.

        Args:
            count: How many are to wait; None: as many as were last asked for, or ``execution.in_flight``.
            values_only: Whether candidates are proposed even where a descriptor is expected to gain more per price.
            request_id: Id of this request, of 8 to 64 characters, stored once however often it is sent; None: a new one.

        Raises:
            ConfigurationError: The values of the campaign are computed, or the count is not possible.
            StateError: Nothing waits because the campaign is paused.
        """
        key = _checked(key_of, request_id)
        with self._place.turn(self._name), self._place.open() as resources:
            store_ask(resources.store, script_user(), self._name, count, key, values_only=values_only)
            before = None if request_id is None else asked_before(resources.store, self._name, key)
            if before is not None:
                return _proposed(before, _opened_space(resources, self._name))
            result = ask_tell.advance(resources, self._name)
            asked = waiting_proposals(resources.store, self._name)
            rows = _proposed(asked, _opened_space(resources, self._name))
        if not rows and result is not None and result.reason == "paused":
            raise StateError(f"campaign {self._name!r} is paused, so nothing is proposed; `resume()` continues it")
        return rows

    def tell(
        self,
        row: Proposed | Values,
        value: float | None = None,
        *,
        deviation: float | None = None,
        status: str | None = None,
        note: str | None = None,
        request_id: str | None = None,
        **columns: float | str,
    ) -> Receipt:
        """Records measured values, as `tansaku tell` does: all or none.

        Args:
            row: What was measured, of :meth:`ask`; or a whole report: a frame, rows, a CSV file, or values by number.
            value: Measured value [the objective's unit]; None where the status says why.
            deviation: Its standard deviation, same unit.
            status: ``failed``, ``repeat`` or ``correction``; None: a first value.
            note: Why it failed, or anything else.
            request_id: Id of this report, as of :meth:`ask`; None: made of what is new in it.
            columns: Further measured quantities, and conditions that were other than proposed, by name.

        Returns:
            What is new. ``applied``: whether it counts already; False where another process has had the campaign for 30 s,
            which applies it before it proposes more, or else the next `ask`, `tell` or `run` does.

        Raises:
            ReportError: A value is wrong; nothing was stored.
            ConfigurationError: There is no value, or the values of the campaign are computed.
        """
        facts = {"deviation": deviation, "status": status, "note": note, **columns}
        if isinstance(row, Proposed):
            report = replace(report_from(_checked(row.report, value, facts)), strict=True)
        else:
            _checked(refuse_beside_a_report, value, facts)
            report = report_from(row)
        key = None if request_id is None else _checked(key_of, request_id)
        with self._place.turn(self._name), self._place.open() as resources:
            receipt = ask_tell.tell(resources, script_user(), self._name, report, key, patience=ask_tell.PATIENCE)
            ask_tell.end_if_spent(resources, self._name)
        return receipt

    def attach(self, row: Proposed | int, path: str | Path, *, photo: bool | None = None) -> Attachment:
        """Keeps a photo or file with a reported value, as `tansaku attach` does; the same one again is kept once.

        Args:
            row: What was measured, or the number of its proposal.
            path: Of the file, of at most 10 MB.
            photo: Whether it is stored as a photo, without metadata; None: if its name ends as that of one.

        Raises:
            ConfigurationError: It cannot be read, or there is too much of it.
            NotFoundError: No value is reported of this proposal.
        """
        given = attachments.given_file(_checked(path_of, "attach", path), _checked(number_of, "attach", row), photo=photo)
        with self._place.open() as resources:
            return attachments.attach(resources, script_user(), self._name, given)

    def release(self, *rows: Proposed) -> None:
        """Releases proposals that nobody will measure now. Raises NotFoundError for one that does not wait."""
        with self._place.turn(self._name), self._place.open() as resources:
            numbers = [_checked(number_of, "release", row) for row in rows if getattr(row, "measure", None) is None]
            ask_tell.release(resources, script_user(), self._name, numbers, patience=ask_tell.PATIENCE)

    # What is computed.

    def run(self) -> EndReason:
        """Runs the campaign to its end in worker processes of this machine, as `tansaku run --plain` does.

        A terminal shows its progress, a notebook a figure of the best value so far.

        Returns:
            Why it ended; ``waiting``: values are to be reported.

        Raises:
            LeaseHeldError: Another process runs it.
            KeyboardInterrupt: It was interrupted; the same call continues.
        """
        from tansaku.deploy.python.progress import shown
        from tansaku.tasks.loop.driver.loop import drive

        with self._place.open() as resources, shown(self.view) as observer:
            reason = drive(resources, self._name, observer).reason
        if reason == "interrupted":
            raise KeyboardInterrupt
        return reason

    def start(self) -> None:
        """Does the same as :meth:`run` without waiting, while the script continues.

        Raises:
            StateError: It is paused, or runs already.
        """
        from tansaku.deploy.python.driving import Driving

        if self.status.state is CampaignState.PAUSED:
            raise StateError(f"campaign {self._name!r} is paused; `resume()` continues it")
        if self._driving is not None and self._driving.runs:
            raise StateError(f"campaign {self._name!r} runs already; `wait()` waits for its end")
        self._driving = Driving(self._place, self._name)

    def wait(self, timeout: float | None = None) -> EndReason | None:
        """Waits for the end of what :meth:`start` began.

        Args:
            timeout: Longest time [s]; None: no limit.

        Returns:
            Why it ended; None: it has not.

        Raises:
            StateError: Nothing was started.
            LeaseHeldError: Another process runs it.
        """
        if self._driving is None:
            raise StateError(f"campaign {self._name!r} was not started; `start()` does it")
        return self._driving.wait(timeout)

    # What was found.

    @property
    def status(self) -> CampaignStatus:
        """The status; ``print(campaign.status.describe())`` shows it."""
        with self._place.open() as resources:
            return campaign_status(resources.store, self._name)

    @property
    def done(self) -> bool:
        """Whether the campaign has ended: its evaluations are spent, or another limit was met when more was asked for."""
        return self.status.state in ENDED

    @property
    def best(self) -> Found | None:
        """The best candidate of all systems; None before there is a value.

        Raises:
            ConfigurationError: There are several objectives, so that no candidate need be the best.
        """
        with self._place.open() as resources:
            data = Reading.load(resources.store, self._name)
            if data.spec.objective.goals:
                raise ConfigurationError("best: there are several objectives", hint="`view().front()` has the best of them")
            columns = data.columns
            place = best_place(columns, columns.counted & data.keeping, data.sign)
            if place is None:
                return None
            found = columns.candidates[place]
            return Found(
                id=found,
                cells=cells_of(data.space, found),
                number=int(columns.numbers[place]),
                system=columns.systems[place],
                value=float(columns.values[place]),
                unit=data.spec.objective.unit,
            )

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each evaluation, its parameters included, indexed by proposal number."""
        return self.view().to_dataframe()

    @property
    def results(self) -> pd.DataFrame:
        """One row for each system: the best value, evaluations, cost."""
        return self.view().systems()

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """Everything that is stored of the evaluations, in proposal order."""
        return self.view().evaluations

    def predict(self, points: Points | None = None) -> pd.DataFrame:
        """Predicts the value with all that is known, one row for each point: what describes it, ``mean`` and ``deviation``.

        Args:
            points: A mapping of parameters, several of them, a frame of them, or candidates and their ids; None: all
                candidates. Points need not be candidates where parameters or columns of a table describe them, or where
                candidates are structures: then any structure of ASE or pymatgen, or several, is a point.

        Raises:
            ConfigurationError: There is no model or no value yet, or the space cannot express a point.
            NotFoundError: There is no such candidate.
        """
        from tansaku.tasks.read.views.points import predicted_points

        return predicted_points(self.view().data, None if points is None else _checked(points_of, points))

    def acquisition(self, points: Points | None = None) -> pd.DataFrame:
        """Scores points as the next proposal would: what describes each, and ``acquisition``; the highest is proposed.

        Arguments and errors are those of :meth:`predict`. Every point is scored, also one that is not proposed again.
        """
        from tansaku.tasks.read.views.points import judged_points

        return judged_points(self.view().data, None if points is None else _checked(points_of, points))

    def slices(self) -> pd.DataFrame:
        """Predicts along each parameter through the best candidate: ``along``, the parameters, ``mean`` and ``deviation``.

        Raises:
            ConfigurationError: There is no model or no value yet, no parameters describe the candidates, or there are several
                objectives.
        """
        from tansaku.tasks.read.views.points import slices

        return slices(self.view().data)

    def importance(self) -> pd.Series[float]:
        """Shares of the variance that groups of features cause in the model of the last fit, the largest first.

        Raises:
            ConfigurationError: Nothing was fitted yet.
        """
        from tansaku.tasks.read.views.points import importance

        return importance(self.view().data)

    def view(self) -> CampaignView:
        """Reads the campaign as ``tansaku.open`` does: figures, predictions, structures."""
        from tansaku.tasks.act.measurements.campaign_view import CampaignView

        return CampaignView.open(self._name, self._place.open)

    def hull(self) -> Hull:
        """The phase diagram of the results and given phases: ``frame``, ``stable``; energies above the hull [eV/atom].

        Raises:
            ConfigurationError: Nothing has an energy yet, or an element has no phase of its own.
        """
        return self.view().hull()

    def plot(self, path: Path | str) -> Path:
        """Draws the best value so far against evaluations and cost; ``view().plot(folder)`` draws all figures.

        Args:
            path: File that ends in ``.png`` or ``.svg``.

        Raises:
            ConfigurationError: It has another ending, cannot be written, or nothing has a value yet.
        """
        from tansaku.tasks.read.figures import convergence

        path = _checked(path_of, "plot", path)
        if path.suffix not in {".png", ".svg"}:
            raise ConfigurationError(f"plot: {str(path)!r} does not end in .png or .svg")
        found = self.view().convergence()
        try:
            return convergence.draw_png(found, path)
        except OSError as error:
            raise ConfigurationError(f"plot: {str(path)!r} cannot be written: {error.strerror}") from error

    @overload
    def structure(self, candidate: Candidate | str | int, form: None = None, *, of: Of = "start") -> Atoms: ...

    @overload
    def structure(self, candidate: Candidate | str | int, form: Form, *, of: Of = "start") -> str: ...

    def structure(self, candidate: Candidate | str | int, form: Form | None = None, *, of: Of = "start") -> Atoms | str:
        """The structure of a candidate, as ``ase.Atoms`` or as the text of a file.

        Args:
            candidate: A candidate, its id, or the number of a proposal.
            form: ``extxyz`` or ``cif``: the text of a file; None: ``ase.Atoms``.
            of: ``start``: before it is computed; ``end``: the final one of its last evaluation.

        Raises:
            ConfigurationError: It is no candidate, or another form.
            NotFoundError: There is none.
        """
        from tansaku.tasks.read.views.structures import found_structure, written_structure

        for key, given, known in (("form", form, (None, "extxyz", "cif")), ("of", of, ("start", "end"))):
            if given not in known:
                raise ConfigurationError(f"{key}: {shown(given)}; expected {' or '.join(item for item in known if item)}")
        found = _checked(named, "structure", candidate)
        with self._place.open() as resources:
            atoms = found_structure(Reading.load(resources.store, self._name), resources.artifacts, found, of)
            return atoms if form is None else written_structure(atoms, form)

    # What is changed.

    def edit(self, changes: Mapping[str, object]) -> None:
        """Changes keys of the campaign; the next proposal follows them.

        Args:
            changes: New values by dotted key, such as ``{"budget.evaluations": 48}``.

        Raises:
            ConfigurationError: A key cannot be changed, or its value is wrong.
        """
        given = plain(_checked(changes_of, changes), {}, "")
        with self._place.open() as resources:
            steer.request_edit(resources.store, script_user(), self._name, given)

    def _steer(self, kind: SteeringKind, *candidates: Candidate | str) -> None:
        named = [_checked(id_of, kind, item) for item in candidates]
        with self._place.open() as resources:
            steer.request(resources.store, script_user(), self._name, kind, named)

    def __reduce__(self) -> tuple[Callable[[str], Campaign], tuple[str]]:
        """Pickles the name, by which another process opens the campaign. Raises TypeError for a campaign in memory."""
        if isinstance(self._place, Memory):
            raise TypeError(f"campaign {self._name!r} is in the memory of this process; one in the database can be pickled")
        return Campaign.open, (self._name,)

    def __repr__(self) -> str:
        try:
            status = self.status
        except NotFoundError:
            return f"Campaign({self._name!r}: deleted)"
        return f"Campaign({self._name!r}: {status.state.value}, {status.evaluations} evaluations)"


# Without a space the check of all keys names what is missing, or the key that is unknown; type checkers want one.
Campaign.__init__.__defaults__ = (None, None, None)


def say_aside(line: str) -> None:
    """Writes a line beside what a script prints."""
    sys.stderr.write(f"{printable(line)}\n")


def _checked(check: Callable[P, T], *given: P.args, **facts: P.kwargs) -> T:
    """Calls a function of the client. Raises ConfigurationError where it refuses its arguments."""
    try:
        return check(*given, **facts)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _is_function(calculator: object) -> bool:
    """Returns whether a Python function computes the values."""
    data = calculator.data if isinstance(calculator, Part) else calculator
    return data.get("type") == "function" if isinstance(data, Mapping) else callable(data)


def _value(key: str, value: object, files: dict[str, bytes]) -> Any:  # noqa: ANN401 - plain data of any shape
    """The value of a key of a campaign file. Raises ConfigurationError for the part of another key."""
    if isinstance(value, Part) and value.key != key:
        raise ConfigurationError(f"{key}: it is a part for the key {value.key}")
    if key == "budget" and isinstance(value, Real | str) and not isinstance(value, bool):
        return {"evaluations": plain(value, files, key)}
    if key in ("calculator", "proposer") and isinstance(value, str):
        return {"type": value}
    if key == "calculator" and not isinstance(value, Part) and callable(value):
        value = function_calculator(value)
    return plain(value, files, key)


def _loaded(resources: Resources, data: JsonDict, files: Mapping[str, bytes]) -> LoadedCampaign:
    """The campaign as the loader of files has it; where nothing says how values are computed, they are reported.

    Relative paths start at the current folder. Errors as of ``campaign_from_data``, without lines.
    """
    here, limits = Path.cwd(), resources.site.limits
    if "calculator" not in data and _lacks_values(data.get("space")):
        data = data | {"calculator": {"type": next(kind.type_name() for kind in CALCULATORS if kind.facts.manual)}}
    try:
        if not files:
            return campaign_from_data(data, here, _SOURCE, limits)
        folder, records = keep_files(resources, files)
        return replace(campaign_from_data(_with_absolute(data, here, files), folder, _SOURCE, limits), files=records)
    except ConfigurationError as error:
        error.message = error.message.replace(f" ({_SOURCE}, line 1)", "")
        raise


def _lacks_values(space: object) -> bool:
    """Returns whether values of a space have to come from elsewhere; False for one that is wrong, which the loader says."""
    spec = SPACE_SPECS.get(space.get("type", "")) if isinstance(space, dict) else None
    try:
        return spec is not None and spec.model_validate(space).recorded_source() is None
    except ValidationError:
        return False


def _with_absolute(data: JsonDict, here: Path, files: Mapping[str, bytes]) -> JsonDict:
    """The data with absolute paths of the files that the script did not make, because the others lie in another folder."""
    from tansaku.tasks.act.checks.policy import texts_of

    spec = validate_document(CampaignSpec, YamlText(data, {}, _SOURCE))
    changed = deepcopy(data)
    for found in texts_of(spec):
        if isinstance(found.use, NamesFile) and found.text not in files and (here / found.text).exists():
            *parents, last = found.path
            part: Any = changed
            for step in parents:
                part = part[step]
            part[last] = str(here / found.text)
    return changed


def _default_name(store: str | None) -> str:
    return "campaign" if store is None else _script_name()


def _script_name() -> str:
    """The name of the script's file, as the name of a campaign. Raises ConfigurationError where there is none."""
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    path = Path(file or "")
    stem = path.parent.name if path.stem == "__main__" else path.stem
    name = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    if not re.match(NAME_PATTERN, name):
        raise ConfigurationError("name: missing; a campaign in the database needs one, such as name='my-search'")
    return name


def _opened_space(resources: Resources, name: str) -> SearchedSpace:
    record = resources.store.campaign(name)
    return open_space(stored_spec(record).space, Path(record.base_path))


def _proposed(asked: Asked, space: SearchedSpace) -> list[Proposed]:
    """The proposals that wait, and the candidates of which a descriptor is to be measured."""
    rows = [
        Proposed(
            id=item.candidate,
            cells=cells_of(space, item.candidate),
            number=item.number,
            why=item.why,
            mean=item.prediction,
            deviation=item.uncertainty,
            others={name: (of.prediction, of.uncertainty) for name, of in item.others.items()},
            cost=item.cost,
            level=item.level,
        )
        for item in asked.waiting
    ]
    offer = asked.descriptor
    why = "" if offer is None else f"its {offer.column} is expected to gain more per price than a value"
    described = () if offer is None else offer.candidates
    measure = None if offer is None else offer.column
    return rows + [Proposed(item, cells_of(space, item), None, why, measure=measure) for item in described]

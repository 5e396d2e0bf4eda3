"""Creates, checks and rehearses campaigns from the dashboard; their specs are read in a process with limits."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from tansaku import __version__
from tansaku.models.domain.accounts import Accounts, Actor, Role
from tansaku.models.domain.errors import (
    ConfigurationError,
    FieldError,
    InvalidSpecError,
    MissingComponentError,
    NotFoundError,
    SpecChangedError,
    SpecProblem,
    StoreError,
)
from tansaku.models.domain.identifiers import new_campaign_id
from tansaku.models.domain.library import KEPT_PATTERN, FileLibrary, LibraryFile, kind_of
from tansaku.models.domain.model_registry import Registry
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import CampaignRecord
from tansaku.models.domain.specs.base import FileKind, NamesFile
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.web import RoleLimitsSpec
from tansaku.tasks.act.checks.check import CampaignPreview, affordable_evaluations
from tansaku.tasks.act.checks.policy import SOURCE, Admitted, admit, invalid, over_limits, texts_of
from tansaku.tasks.act.checks.rehearse import NO_SPREAD, NO_TOLERANCE
from tansaku.tasks.act.checks.request import (
    CheckAnswer,
    CheckError,
    CheckRequest,
    CheckTask,
    ComparisonRequest,
    RehearsalRequest,
)
from tansaku.tasks.act.checks.rights import Rights
from tansaku.tasks.act.checks.sandbox import ALONE, Sandbox, SandboxError, Watch
from tansaku.tasks.act.checks.sight import Sight
from tansaku.tasks.act.commands.audit import creation, record_change
from tansaku.tasks.backends.stores.campaigns import refuse_reserved
from tansaku.tasks.backends.stores.documents import sha256s_in
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.local_files import LocalFiles
from tansaku.tasks.ground.formats.validation import dotted, located
from tansaku.tasks.ground.formats.yaml_text import KeyPath
from tansaku.tasks.loop.reuse.freezing import note_reuse
from tansaku.tasks.loop.reuse.offering import Offer
from tansaku.tasks.loop.transfer.sources import source_ids
from tansaku.tasks.node.configuration.campaign_files import spec_hash

_OPTIONS = {"--within": "options.within", "--spread": "options.spread", "--like, --spread": "options.spread"}
_PROBLEMS = {
    NO_TOLERANCE: SpecProblem(
        "budget.stop.within",
        None,
        "missing; say how near to the true answer is near enough, a number with its unit, there or beside the rehearsal",
    ),
    NO_SPREAD: SpecProblem(
        "options.spread",
        None,
        "missing; expected a number with a unit, your guess of the standard deviation of the values, for none is known yet",
    ),
}

_OF_LINE = re.compile(rf"{SOURCE}, line (?P<line>\d+)(?:, column \d+)?: ")


Placing = Callable[[CampaignRecord], AbstractContextManager[None]]
"""Around the storing of a new campaign."""


def _nowhere(_: CampaignRecord) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Created:
    """Result of creating a campaign.

    Attributes:
        record: As stored.
        new: Whether it was stored by this call; else it was known with the same spec.
    """

    record: CampaignRecord
    new: bool


_TASKS: Mapping[type, tuple[CheckTask, str]] = {
    type(None): ("check", ""),
    RehearsalRequest: ("rehearse", "rehearsal"),
    ComparisonRequest: ("compare", "comparison"),
}
"""Task of the process by the class of the options, and the key of these in its request."""


@dataclass(frozen=True)
class CampaignDesk:
    """Entry point for specs from the dashboard.

    Attributes:
        artifacts: Big values.
        registry: Models.
        library: Files that specs may name.
        accounts: The audit.
        files: Copies of the library's files on this machine.
        site: Limits.
        sandbox: Runs the processes.
        clock: Current time, aware.
    """

    store: CampaignStore
    artifacts: ArtifactStore
    registry: Registry
    library: FileLibrary
    accounts: Accounts
    files: LocalFiles
    site: SiteSpec
    sandbox: Sandbox
    clock: Callable[[], datetime]

    def admit(self, actor: Actor, text: str) -> Admitted:
        """Reads a spec; opens no file and starts no process.

        Args:
            text: In YAML.

        Raises:
            InvalidSpecError: With every problem, its key and line.
            ConfigurationError: It is not YAML.
        """
        admitted = admit(text, self.library, self._role_limits(actor), actor.name, partial(self._kept, actor))
        self._rights(actor).check(admitted)
        return admitted

    def _kept(self, actor: Actor, path: str) -> LibraryFile | None:
        """The file of a path that a campaign seen by the actor names, as one of the library; None where none keeps it."""
        found = re.fullmatch(KEPT_PATTERN, path)
        kind = None if found is None else kind_of(found["name"])
        if found is None or kind is None or not self.artifacts.exists(found["sha256"]):
            return None
        for name in Sight(self.accounts, self.store, actor).names():
            with suppress(NotFoundError, StoreError):
                record = self.store.campaign(name)
                if any(file.path == path for file in record.files):
                    return _of_campaign(record, found["sha256"], found["name"], kind)
        return None

    def parse_upload(self, file: Path) -> None:
        """Parses a file that somebody uploads.

        Args:
            file: Under the name that it is to have.

        Raises:
            FieldError: It is no file of its kind.
            SandboxError, BusyError, MissingComponentError: As of :meth:`check`.
        """
        request = CheckRequest(task="file", base_path=str(file.parent), file=file.name, limits=self.site.limits)
        error = self.sandbox.ask(request).error
        if error is None:
            return
        message = error.message.removeprefix("content: ")
        if error.kind == "missing":
            raise MissingComponentError(message, hint=error.hint)
        raise FieldError("content", message)

    def ask(
        self,
        actor: Actor,
        admitted: Admitted,
        options: RehearsalRequest | ComparisonRequest | None = None,
        watch: Watch = ALONE,
    ) -> CheckAnswer:
        """Checks a spec: what its campaign would search, run and cost. Options ask for a rehearsal or a comparison instead.

        Raises:
            InvalidSpecError: It cannot be run so.
            SandboxError: The check took too long or needed too much.
            BusyError: Too many checks are waiting.
            MissingComponentError: A package is not installed here.
        """
        task, key = _TASKS[type(options)]
        request = self._request(actor, admitted, task).model_copy(update={} if options is None else {key: options})
        answer = self._answer(admitted, self.sandbox.ask(request, watch))
        if answer.preview is None and answer.rehearsal is None and answer.found is None:
            raise SandboxError("the check gave no result")
        if answer.preview is not None:
            self._check_preview(actor, admitted, answer.preview)
        return answer

    def create(self, actor: Actor, admitted: Admitted, copy_of: str = "", placing: Placing = _nowhere) -> Created:
        """Creates a campaign, as `tansaku run` does with its file; spends nothing. Creating it again changes nothing.

        Args:
            copy_of: The campaign that it copies, for the audit; empty: none.
            placing: Puts the new campaign into a project, before it is stored: nobody else ever sees it.

        Raises:
            SpecChangedError: A campaign of this name is stored with another spec.
            StoreError: A campaign of this name is being deleted.
            InvalidSpecError: As of :meth:`check`, and other errors of it.
        """
        rights = self._rights(actor)
        stored = rights.stored(admitted)
        known = next((record for record in stored.campaigns if record.name == admitted.spec.name), None)
        if known is not None:
            refuse_reserved(known)
        offer = self._offer(actor, admitted) if known is None else None
        if offer is not None:
            stored = rights.stored(admitted, offer)
        with tempfile.TemporaryDirectory(prefix="tsk-create-") as name:
            folder = Path(name)
            request = self._request(actor, admitted, "create").model_copy(update={"folder": name, "stored": stored})
            answer = self._answer(admitted, self.sandbox.ask(request))
            if answer.record is None or answer.preview is None:
                raise SandboxError("the check gave no campaign")
            if known is not None:
                return _known(known, answer.record)
            self._check_preview(actor, admitted, answer.preview)
            record = self._record(actor, admitted, answer.record)
            self._keep(folder, record)
        with placing(record):
            record_change(self.accounts, actor, creation(record, copy_of), self.clock())
            created = self.store.create_campaign(record)
        if created.spec_hash != record.spec_hash:
            raise SpecChangedError(f"campaign {record.name!r} was created by somebody else in the meantime, with another spec")
        if answer.reused is not None:
            left_out = answer.reused.get("left_out", {}) | (offer.left_out if offer is not None else {})
            note_reuse(self.store, created, answer.reused | {"left_out": left_out})
        return Created(created, new=True)

    def _offer(self, actor: Actor, admitted: Admitted) -> Offer | None:
        """Returns the results that a new campaign may adopt; None: it adopts nothing.

        Which results fit is known after its files were read.
        """
        if not admitted.spec.reuse:
            return None
        answer = self._answer(admitted, self.sandbox.ask(self._request(actor, admitted, "check")))
        if answer.computation is None:
            raise SandboxError("the check gave no computation")
        return self._rights(actor).offer(admitted, answer.computation)

    def check_edit(self, actor: Actor, before: CampaignSpec, after: CampaignSpec, pool: CandidatePool | None) -> None:
        """Raises InvalidSpecError where an edited campaign asks for more than whoever edits it may.

        Args:
            pool: Its candidates; None: the space cannot be opened here.
        """
        limits, key = self._role_limits(actor), ("budget", "evaluations")

        def over(spec: CampaignSpec) -> list[tuple[KeyPath, str]]:
            """Returns the keys above the limits; where evaluations are not limited, those that the cost buys count."""
            most = spec.budget.evaluations
            if most is None and pool is not None:
                most = affordable_evaluations(spec, pool)[1]
            return over_limits(spec.execution, most, limits)

        # What an admin allowed before is no reason to refuse another change.
        known = over(before)
        problems = [item for item in over(after) if item not in known]
        if after.budget.evaluations is None and not actor.may(Role.ADMIN):
            spent = [(budget.cost, budget.fraction) for budget in (before.budget, after.budget)]
            if before.budget.evaluations is not None:
                problems.append((key, f"removed; expected at most {limits.evaluations:,} for your role"))
            elif pool is None and spent[0] != spent[1]:
                message = "the space cannot be opened here, so it is not known what this buys; limit the evaluations to"
                problems.append((key, f"{message} at most {limits.evaluations:,}"))
        if problems:
            found = [SpecProblem(dotted(path), None, message) for path, message in problems]
            raise InvalidSpecError("\n".join(map(str, found)), found)

    def _rights(self, actor: Actor) -> Rights:
        return Rights(Sight(self.accounts, self.store, actor), self.registry)

    def _role_limits(self, actor: Actor) -> RoleLimitsSpec:
        return self.site.web.admin if actor.may(Role.ADMIN) else self.site.web.operator

    def _space_limits(self, actor: Actor) -> LimitsSpec:
        limits, pool = self.site.limits, self._role_limits(actor).pool
        update = {"pool": min(limits.pool, pool), "combinations": min(limits.combinations, pool)}
        return limits.model_copy(update=update)

    def _request(self, actor: Actor, admitted: Admitted, task: CheckTask) -> CheckRequest:
        local = self.files.copied(admitted.records)
        return CheckRequest(
            task=task,
            spec=admitted.spec.model_dump(mode="json"),
            base_path=str(local),
            limits=self._space_limits(actor),
            resident=self.site.web.sandbox.resident,
            user=actor.name,
        )

    def _answer(self, admitted: Admitted, answer: CheckAnswer) -> CheckAnswer:
        if answer.error is not None:
            raise _error(answer.error, admitted)
        return answer

    def _check_preview(self, actor: Actor, admitted: Admitted, preview: CampaignPreview) -> None:
        """Raises InvalidSpecError where the budget can buy more evaluations than the author may ask for."""
        problems = over_limits(admitted.spec.execution, preview.most_evaluations, self._role_limits(actor))
        if problems:
            raise invalid(problems, admitted.document)

    def _record(self, actor: Actor, admitted: Admitted, answered: CampaignRecord) -> CampaignRecord:
        """The campaign to be stored: the process gives its spec only, in which files and limits must be the same."""
        spec = CampaignSpec.model_validate(answered.spec)
        if _unchanging(spec) != _unchanging(admitted.spec):
            raise SandboxError("the check answered with another campaign")
        return CampaignRecord(
            id=new_campaign_id(),
            name=spec.name,
            spec=spec.model_dump(mode="json"),
            spec_hash=spec_hash(spec),
            base_path=str(self.files.folder),
            owner=actor.name,
            files=admitted.records,
            tansaku_version=__version__,
            created_at=self.clock(),
            source_ids=source_ids(self.store, spec),
        )

    def _keep(self, folder: Path, record: CampaignRecord) -> None:
        """Stores the values that the process left and the campaign refers to."""
        left = FileArtifactStore(folder)
        for sha256 in sorted(set(sha256s_in(record.model_dump()))):
            if left.exists(sha256):
                stored = self.artifacts.put(left.get(sha256, folder / sha256))
                if stored != sha256:
                    raise StoreError(f"the value {sha256} was stored as {stored}")


def _of_campaign(record: CampaignRecord, sha256: str, name: str, kind: FileKind) -> LibraryFile:
    """A file that a campaign keeps, as the library describes its own; its size is not known."""
    user = record.owner or "the command line"
    return LibraryFile(sha256=sha256, name=name, kind=kind, size=0, user=user, created_at=record.created_at)


def _known(known: CampaignRecord, answered: CampaignRecord) -> Created:
    """The known campaign; a spec of other editable keys is no edit, because its author may not know of the campaign."""
    edited = answered.commands[len(known.commands) :]
    if edited:
        keys = ", ".join(sorted(key for command in edited for key in command.payload))
        raise SpecChangedError(
            f"campaign {known.name!r} is stored with another {keys}", hint="edit that campaign, or choose another name"
        )
    return Created(known, new=False)


def _unchanging(spec: CampaignSpec) -> list[object]:
    """Returns the parts of a spec that creating a campaign does not change: files, and keys that roles limit."""
    files = [found for found in texts_of(spec) if isinstance(found.use, NamesFile)]
    # Its default is filled in when a campaign is created.
    execution = spec.execution.model_copy(update={"polish_fmax": None})
    return [spec.name, spec.budget, execution, files]


def _error(error: CheckError, admitted: Admitted) -> Exception:
    message = error.message
    for file in admitted.files:
        message = message.replace(file.path, file.name)
    if error.kind == "missing":
        return MissingComponentError(message, hint=error.hint)
    if error.kind == "changed":
        return SpecChangedError(message, hint=error.hint)
    if error.kind == "memory":
        return SandboxError(message, hint="a smaller space needs less")
    of_option = option_problem(message)
    problem = of_option or located(message, admitted.document, CampaignSpec)
    return InvalidSpecError(str(problem), [problem], hint=error.hint if of_option is None else None)


def problems_of(error: ConfigurationError) -> tuple[SpecProblem, ...]:
    """The problems that an error tells; one without a key where it does not say."""
    if isinstance(error, InvalidSpecError):
        return error.problems
    if isinstance(error, FieldError):
        return (SpecProblem(error.key, None, error.message.removeprefix(f"{error.key}: ")),)
    given = _OF_LINE.match(error.message)
    return (SpecProblem("", int(given["line"]) if given else None, error.message[given.end() if given else 0 :]),)


def option_problem(message: str) -> SpecProblem | None:
    """Translates a message that names an option of the command line; None for any other message.

    Args:
        message: Of the error.
    """
    if message in _PROBLEMS:
        return _PROBLEMS[message]
    option, _, said = message.partition(": ")
    if not option.startswith("--"):
        return None
    return SpecProblem(_OPTIONS.get(option, ""), None, said.partition("; give --like")[0])

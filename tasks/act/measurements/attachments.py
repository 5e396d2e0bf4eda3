"""Keeps photos and files with the values that people reported."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import ConfigurationError, FieldError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.measurements import LARGEST_ATTACHMENT, Attachment, attachments_of, reports_of
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.models.domain.records import CampaignRecord, Command, Evaluation, JsonDict
from tansaku.tasks.act.measurements.ask_tell import apply_commands_now
from tansaku.tasks.act.measurements.stored_commands import refuse_computed
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.ground.formats.photos import ENDINGS, PhotoType, clean_photo, is_photo

MOST_OF_A_CAMPAIGN = 500


@dataclass(frozen=True)
class Given:
    """A photo or file as somebody gives it.

    Attributes:
        number: Proposal or evaluation that it belongs to; None: the only one of the report.
        photo: Whether it is a picture to be shown, written again without metadata.
        report: Id of the command that reported the value; None, or where that reported nothing new: the latest.
    """

    number: int | None
    name: str
    content: bytes
    photo: bool
    report: str | None = None


class CandidateAttachment(Attachment):
    """A photo or file among all of a candidate.

    Attributes:
        replaced: Whether a later report corrects its value.
    """

    replaced: bool


def given_file(path: Path, number: int, *, photo: bool | None = None) -> Given:
    """A file of this machine as somebody gives it.

    Args:
        number: Proposal or evaluation that it belongs to.
        photo: Whether it is a photo; None: if its name ends as that of one.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    return Given(number, path.name, content, photo=is_photo(path.name) if photo is None else photo)


def attach(resources: Resources, actor: Actor, name: str, given: Given) -> Attachment:
    """Stores a photo or file of a reported value as :func:`store_attachment` does; the same one twice is stored once."""
    digest = hashlib.sha256(given.content).hexdigest()
    identifier = f"attach-{short_hash([given.number, given.name, given.photo, digest])}"
    found = store_attachment(resources.store, resources.artifacts, actor, name, given, identifier)
    apply_commands_now(resources, name)
    return found


def candidate_attachments(commands: Sequence[Command], candidate: str) -> list[CandidateAttachment]:
    """Photos and files of all values that were reported of a candidate, the oldest first."""
    found = [item for item in attachments_of(commands) if item.candidate == candidate]
    valid: set[str] = set()  # reports since the last correction
    for command in commands if found else ():
        for report in reports_of(command.payload):
            if report.candidate == candidate:
                valid = {command.id} if report.replaces else valid | {command.id}
    return [CandidateAttachment(**item.model_dump(), replaced=item.report not in valid) for item in found]


def store_attachment(
    store: CampaignStore, artifacts: ArtifactStore, actor: Actor, name: str, given: Given, identifier: str
) -> Attachment:
    """Stores a photo or file of a reported value as one command; under the same identifier again it changes nothing.

    A process that is killed between the content and the command leaves content that a sweep deletes.

    Args:
        identifier: Id of the command.

    Raises:
        NotFoundError: Nothing is reported of this number.
        FieldError: The photo cannot be read, or there is too much of it.
        ConfigurationError: The values of the campaign are computed.
        StoreError: The identifier belongs to another command.
    """
    record = store.campaign(name)
    refuse_computed(record)
    earlier = next((item for item in record.commands if item.id == identifier), None)
    if earlier is not None:
        if earlier.kind != "attach":
            raise StoreError(f"command {identifier} of campaign {name!r} is another one: {earlier.kind}")
        return Attachment.model_validate(earlier.payload)
    if len(attachments_of(record.commands)) >= MOST_OF_A_CAMPAIGN:
        raise FieldError("content", f"campaign {name!r} has {MOST_OF_A_CAMPAIGN} photos and files, as many as it may")
    report, candidate = _reported(record, store.evaluations(name), given)
    content, file = given.content, given.name
    media: PhotoType | None = None
    if given.photo:
        content, media = clean_photo(content, file)
        file = f"{Path(file).stem[:90]}{ENDINGS[media]}"
    if not 0 < len(content) <= LARGEST_ATTACHMENT:
        raise FieldError("content", f"{file} has {len(content):,} bytes; expected 1 to {LARGEST_ATTACHMENT:,}")
    fields: JsonDict = {"report": report, "candidate": candidate, "name": file, "media": media, "size": len(content)}
    try:
        found = Attachment(**fields, sha256=_put(artifacts, content))
    except ValidationError as error:
        raise FieldError("name", "expected a file name of 1 to 100 characters, without folders") from error
    payload = found.model_dump(mode="json", exclude_none=True)
    command = Command(id=identifier, kind="attach", payload=payload, user=actor.name, created_at=datetime.now(UTC))
    store.add_command(name, command)
    return found


def _put(artifacts: ArtifactStore, content: bytes) -> str:
    with tempfile.TemporaryDirectory(prefix="tsk-attached-") as folder:
        path = Path(folder, "content")
        path.write_bytes(content)
        return artifacts.put(path)


def _reported(record: CampaignRecord, evaluations: Sequence[Evaluation], given: Given) -> tuple[str, str]:
    """The command that reported the value of a number, and its candidate."""
    own = next((item.proposal.candidate for item in evaluations if item.proposal.number == given.number), None)
    reported = [
        (command.id, report)
        for command in record.commands
        if command.kind == "tell"
        for report in reports_of(command.payload)
        if report.measurements
    ]
    if given.number is None:
        only = [(command, report.candidate) for command, report in reported if command == given.report]
        if len(only) != 1:
            raise FieldError("number", f"report {given.report!r} has values of {len(only)} candidates; expected a number")
        return only[0]
    found = [
        (command, report.candidate)
        for command, report in reported
        if report.number == given.number or given.number in report.instead or report.candidate == own
    ]
    if not found:
        raise NotFoundError(f"campaign {record.name!r}: no value of proposal {given.number} is reported yet")
    return next((item for item in found if item[0] == given.report), found[-1])

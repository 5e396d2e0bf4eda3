"""Policy for specs from the dashboard: only files of the library, and no more than the author's role allows.

Whether a key names a file is found by its type. A text is accepted if its type admits no path at all, or is marked as plain
text; one that is marked as a file's name must name a file of the library; any other is refused. So a key of a new type of
spec is refused until its type describes its text.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from tansaku.models.domain.errors import InvalidSpecError, SpecProblem
from tansaku.models.domain.library import KEPT_PATTERN, SHA256_PREFIX, FileLibrary, LibraryFile, is_file_name
from tansaku.models.domain.records import CampaignFile, JsonDict
from tansaku.models.domain.specs.base import FileKind, NamesFile, PlainText
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.execution import ExecutionSpec
from tansaku.models.domain.specs.web import RoleLimitsSpec
from tansaku.tasks.ground.formats.validation import dotted, validate_document
from tansaku.tasks.ground.formats.yaml_text import KeyPath, YamlText, parse_yaml

SOURCE = "campaign"
"""Name of the text in messages."""

LARGEST_TEXT = 65_536
"""Characters of a spec from the dashboard."""

MOST_ENTRIES = 8000
"""Lines, commas and colons of a spec from the dashboard: reading it in this process takes less than a second."""

_PROBES = ("/etc/passwd", "../other", "..", "a/b", "./a", "~/a", "a\\b", "/", "file:///a", "sha256:" + "0" * 64)
_CAPPED = ("in_flight", "timeout", "retries", "retry_backoff", "polish")
_REFUSED = "cannot be set from the dashboard"

Use = Literal["closed", "plain", "unknown"] | NamesFile
"""Use of a text: of a type that admits no path, plain text, not known, or the name of a file."""


class SpecText(NamedTuple):
    """A text in a spec.

    Attributes:
        path: Its path, in the stored names of keys.
        text: The text; for a value that is no text, the name of its type.
        use: Use of the text.
    """

    path: KeyPath
    text: str
    use: Use


class Admitted(NamedTuple):
    """A spec that may be checked and created.

    Attributes:
        document: As its author wrote it.
        spec: Validated, with the paths of the library's files in place of their names.
        files: Those files.
    """

    document: YamlText
    spec: CampaignSpec
    files: tuple[LibraryFile, ...]

    @property
    def records(self) -> tuple[CampaignFile, ...]:
        """The files as a campaign keeps them."""
        return tuple(CampaignFile(path=file.path, sha256=file.sha256) for file in self.files)


Kept = Callable[[str], LibraryFile | None]
"""Finds the file of a path that a stored campaign names."""


def admit(text: str, library: FileLibrary, limits: RoleLimitsSpec, user: str, kept: Kept = lambda _: None) -> Admitted:
    """Reads a spec that came from the dashboard; opens no file.

    Args:
        text: As its author wrote it, in YAML.
        library: The files that it may name.
        limits: Limits of its author.
        user: Its author, whose files are meant by their names.
        kept: Asked where the library does not have a file.

    Raises:
        InvalidSpecError: With every problem, its key and line.
    """
    check_size(text)
    document = parse_yaml(text, SOURCE)
    spec = validate_document(CampaignSpec, document)
    problems, chosen = _files_of(spec, library, user, kept)
    problems += over_limits(spec.execution, spec.budget.evaluations, limits)
    if problems:
        raise invalid(problems, document)
    data = spec.model_dump(mode="json")
    for path, file in chosen.items():
        _replace(data, path, file.path)
    files = {file.path: file for file in chosen.values()}
    return Admitted(document, CampaignSpec.model_validate(data), tuple(files.values()))


def check_size(text: str) -> None:
    """Raises InvalidSpecError for a text that takes long to read."""
    entries = sum(text.count(mark) for mark in "\n,:")
    for what, value, most in (("characters", len(text), LARGEST_TEXT), ("lines and values", entries, MOST_ENTRIES)):
        if value > most:
            message = f"the text has {value:,} {what}; expected at most {most:,}"
            raise InvalidSpecError(message, [SpecProblem("", None, message)])


def invalid(problems: Sequence[tuple[KeyPath, str]], document: YamlText) -> InvalidSpecError:
    """Makes the error for problems whose keys are known."""
    found = []
    for path, message in problems:
        found.append(SpecProblem(dotted(path), document.line(path) if path[:1] in document.lines else None, message))
    return InvalidSpecError("\n".join(map(str, found)), found)


def over_limits(execution: ExecutionSpec, evaluations: int | None, limits: RoleLimitsSpec) -> list[tuple[KeyPath, str]]:
    """Problems with values above the limits of a role.

    Args:
        evaluations: How many the budget can buy, None where that is not known.
    """
    asked: list[tuple[KeyPath, float, float]] = [
        (("execution", key), getattr(execution, key), getattr(limits, key)) for key in _CAPPED
    ]
    if evaluations is not None:
        asked.append((("budget", "evaluations"), evaluations, limits.evaluations))
    return [(path, f"{value:,g}; expected at most {most:,g} for your role") for path, value, most in asked if value > most]


def _files_of(
    spec: CampaignSpec, library: FileLibrary, user: str, kept: Kept
) -> tuple[list[tuple[KeyPath, str]], dict[KeyPath, LibraryFile]]:
    """Problems with the texts of a spec, and the library files that it names."""
    problems: list[tuple[KeyPath, str]] = []
    chosen: dict[KeyPath, LibraryFile] = {}
    for found in texts_of(spec):
        if found.use == "unknown":
            problems.append((found.path, _REFUSED))
        elif isinstance(found.use, NamesFile):
            file = library_file(found.text, found.use, library, user)
            if isinstance(file, str) and (other := kept(found.text)) is not None and other.kind == found.use.kind:
                file = other
            if isinstance(file, str):
                problems.append((found.path, file))
            elif file is not None:
                chosen[found.path] = file
    return problems, chosen


def library_file(text: str, use: NamesFile, library: FileLibrary, user: str) -> LibraryFile | str | None:
    """Returns the library file that a text names, the reason why there is none, or None for a file shipped with a package.

    Args:
        text: Name of a file that the user uploaded, of which the newest is meant; the same after another uploader's name and
            ``:``; ``sha256:`` and a hash; or its path in the spec of a stored campaign.
        use: Required kind of content.
    """
    if use.kind is None:
        return _REFUSED
    uploader, colon, name = text.rpartition(":")
    path = re.fullmatch(KEPT_PATTERN, text)
    by_hash = path is not None or text.startswith(SHA256_PREFIX)
    if not by_hash and (not is_file_name(name) or (colon and not uploader)):
        return "paths cannot be given in the dashboard; expected the name of a file of the library, USER:NAME, or sha256:HASH"
    known = library.file(name if path is None else path["sha256"]) if by_hash else None
    every = [file for file in [known] if file] if by_hash else library.files(name)
    named = every if by_hash else _uploaded(every, uploader or user, name)
    fitting = [file for file in named if file.kind == use.kind]
    if fitting:
        # Files of one content have one record; candidates have the name that this file was given.
        given = name if path is None else path["name"]
        known_as = {upload.name for upload in fitting[0].every_upload}
        return fitting[0].model_copy(update={"name": given}) if given in known_as else fitting[0]
    if named:
        return f"{named[0].name} holds a {named[0].kind}; expected a {use.kind}"
    if use.shipped and not colon:
        return None
    if every:
        other = next((file for file in every if file.kind == use.kind), every[0])
        whose = next(upload.user for upload in other.every_upload if upload.name == name)
        return f"{name} was uploaded by {whose}, not by {uploader or 'you'}; name it {whose}:{name} or sha256:{other.sha256}"
    return f"no file {text!r} is in the library; upload it first"


def names_of_files(kind: FileKind, library: FileLibrary, user: str) -> list[str]:
    """Names by which a user's specs mean the files of a kind: the user's own first, then those of others as ``USER:NAME``."""
    uploads = [upload for file in library.files() if file.kind == kind for upload in file.every_upload]
    own = [upload.name for upload in uploads if upload.user == user]
    return list(dict.fromkeys([*own, *(f"{upload.user}:{upload.name}" for upload in uploads if upload.user != user)]))


def _uploaded(files: Sequence[LibraryFile], user: str, name: str) -> list[LibraryFile]:
    """Files that a user uploaded under a name, the last upload first."""
    uploads = [(upload, file) for file in files for upload in file.every_upload]
    own = [(upload.created_at, file) for upload, file in uploads if (upload.user, upload.name) == (user, name)]
    return [file for _, file in sorted(own, key=lambda pair: pair[0], reverse=True)]


def _replace(data: JsonDict, path: KeyPath, value: str) -> None:
    here: Any = data
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value


def texts_of(spec: BaseModel) -> Iterator[SpecText]:
    """Every text in a spec, and every value of an unexpected type."""
    return _of_model(spec, ())


def _of_model(spec: BaseModel, path: KeyPath) -> Iterator[SpecText]:
    for name, field in type(spec).model_fields.items():
        kinds = list(_kinds(field.annotation, tuple(field.metadata)))
        yield from _of_value(getattr(spec, name), kinds, (*path, name))
    for name in spec.model_extra or {}:
        yield SpecText((*path, name), name, "unknown")


Kind = tuple[Any, tuple[Any, ...]]
"""A type that is no union, and the annotations on it."""


def _of_value(value: object, kinds: Sequence[Kind], path: KeyPath) -> Iterator[SpecText]:
    if value is None or isinstance(value, bool | int | float | Enum):
        return
    if isinstance(value, BaseModel):
        yield from _of_model(value, path)
    elif isinstance(value, str):
        yield SpecText(path, value, use_of(value, kinds))
    elif isinstance(value, Mapping):
        keys, values = _inside(kinds, 0), _inside(kinds, 1)
        for key, item in value.items():
            use = use_of(str(key), keys)
            if isinstance(key, str) and use not in ("closed", "plain"):
                yield SpecText((*path, str(key)), str(key), "unknown")
            yield from _of_value(item, values, (*path, str(key)))
    elif isinstance(value, tuple | list | set | frozenset):
        for index, item in enumerate(value):
            yield from _of_value(item, _inside(kinds, None), (*path, index))
    else:
        yield SpecText(path, type(value).__name__, "unknown")


def _inside(kinds: Sequence[Kind], position: int | None) -> list[Kind]:
    """Element types of containers: of one argument, or of all."""
    inner: list[Kind] = []
    for kind, _ in kinds:
        arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
        if not _is_literal(kind):
            chosen = arguments if position is None else arguments[position : position + 1]
            inner.extend(found for argument in chosen for found in _kinds(argument, ()))
    return inner


def _is_literal(kind: object) -> bool:
    origin: object = get_origin(kind)
    return origin is Literal


def _kinds(annotation: Any, marks: tuple[Any, ...]) -> Iterator[Kind]:  # noqa: ANN401 - annotations are of any type
    """The members of a union, each with the annotations on it."""
    if get_origin(annotation) is Annotated:
        inner, *own = get_args(annotation)
        yield from _kinds(inner, (*own, *marks))
    elif get_origin(annotation) in (typing.Union, types.UnionType):
        for member in get_args(annotation):
            yield from _kinds(member, marks)
    else:
        yield annotation, marks


def use_of(text: str, kinds: Sequence[Kind]) -> Use:
    """Use of a text that may have one of these types; of several uses the most dangerous."""
    uses = [_use(kind, marks) for kind, marks in kinds if kind is str]
    literal = any(_is_literal(kind) and text in get_args(kind) for kind, _ in kinds)
    for use in uses:
        if isinstance(use, NamesFile):
            return "closed" if literal else use
    if literal:
        return "closed"
    return "unknown" if not uses or "unknown" in uses else "plain" if "plain" in uses else "closed"


def _use(kind: Any, marks: tuple[Any, ...]) -> Use:  # noqa: ANN401 - annotations are of any type
    names = next((mark for mark in marks if isinstance(mark, NamesFile)), None)
    if names is not None:
        return names
    if any(isinstance(mark, PlainText) for mark in marks):
        return "plain"
    return "closed" if _admits_no_path(kind, marks) else "unknown"


def _admits_no_path(kind: Any, marks: tuple[Any, ...]) -> bool:  # noqa: ANN401 - annotations are of any type
    try:
        return _probed(kind, marks)
    except TypeError:  # an annotation that cannot be hashed
        return _probe(kind, marks)


@lru_cache(maxsize=1000)
def _probed(kind: Any, marks: tuple[Any, ...]) -> bool:  # noqa: ANN401 - annotations are of any type
    return _probe(kind, marks)


def _probe(kind: Any, marks: tuple[Any, ...]) -> bool:  # noqa: ANN401 - annotations are of any type
    """Returns whether a type refuses every text that could be a path out of a folder."""
    if not marks:
        return False
    accepts: Callable[[str], object] = TypeAdapter(Annotated[kind, *marks]).validate_python
    for probe in _PROBES:
        try:
            accepts(probe)
        except ValidationError:
            continue
        return False
    return True

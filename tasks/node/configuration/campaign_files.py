"""Campaign and site files: read, validated, resolved to content hashes, compared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tansaku.calculators.calculator_registry import known_elements, resolve_calculator
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import NAME_PATTERN, content_hash, file_sha256
from tansaku.models.domain.records import CampaignFile
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.calculators.plugin import PluginCalculator
from tansaku.models.domain.specs.calculators.table import CalculatorSpec
from tansaku.models.domain.specs.campaign import EDITABLE_KEYS, CampaignSpec
from tansaku.models.domain.specs.commands import offer_commands
from tansaku.models.domain.specs.identity import compared, default_of, identity
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.specs.space_base import SpaceBase, SpecFile
from tansaku.models.domain.specs.transfer import TableSourceSpec
from tansaku.models.domain.structure_files import folder_sha256, structure_files
from tansaku.models.domain.units import same_numbers, unit_of_heading
from tansaku.tasks.ground.formats.validation import dotted, validate_data, validate_document
from tansaku.tasks.ground.formats.yaml_text import KeyPath, YamlText, read_yaml
from tansaku.tasks.ground.site.users import user_path
from tansaku.tasks.node.configuration.crystal import check_cell, resolve_crystal
from tansaku.tasks.node.configuration.defaults import with_defaults, without_defaults
from tansaku.tasks.node.configuration.references import without_references

_ABSENT = "(absent)"
_SHOWN = 20

HASH_VERSION = "v2:"
"""Begins the hash of a spec. Hashes without it were stored before, by another rule, and are compared with nothing."""

_Space = TypeVar("_Space", bound=SpaceBase)

_Check = Callable[[KeyPath, SpecFile], str]
"""Finds the content hash of a file or folder, and compares it with the one that the spec gives."""


@dataclass(frozen=True)
class LoadedCampaign:
    """A campaign file after validation.

    Attributes:
        spec: The spec; every file it names carries its SHA-256.
        base_path: Folder of the file; the spec's relative paths start here.
        files: Files of the library that the spec names; none for a campaign file.
    """

    spec: CampaignSpec
    base_path: Path
    files: tuple[CampaignFile, ...] = ()


@dataclass(frozen=True)
class Difference:
    """One key in which two specs differ.

    Attributes:
        key: Dotted path.
        old: Plain value, ``(absent)`` where the key was not there.
        new: Plain value, ``(absent)`` where the key is not there any more.
        editable: Whether a campaign in progress accepts the change.
    """

    key: str
    old: Any
    new: Any
    editable: bool

    def __str__(self) -> str:
        return f"{self.key}: {self.old!r} -> {self.new!r}"


def load_campaign(file: Path | YamlText, limits: LimitsSpec | None = None, base_path: Path | None = None) -> LoadedCampaign:
    """Loads a campaign file.

    Args:
        file: The file, or its text.
        limits: Larger files of the space are not even read; None: their ceiling.
        base_path: Folder at which its relative paths start; None: that of :func:`folder_of`.

    Raises:
        ConfigurationError: The file, a key in it or a file it names is wrong; the message has one line per problem.
    """
    document = read_named(file)
    base_path = folder_of(file) if base_path is None else base_path
    return LoadedCampaign(_resolve(validate_document(CampaignSpec, document), base_path, document, limits), base_path)


def folder_of(file: Path | YamlText) -> Path:
    """The folder at which relative paths of a campaign file start: its own, of a text the current one."""
    return Path.cwd() if isinstance(file, YamlText) else file.resolve().parent


_KEY = re.compile(r"([a-z_]+(?:\.[\w-]+|\[\d+\])*): ")


@contextmanager
def naming_lines(file: Path | YamlText) -> Iterator[None]:
    """Adds the line of a campaign file to an error that begins with one of its keys and names no line.

    What a space or a source of results finds wrong with the files that it reads is known only after the file was checked.
    """
    try:
        yield
    except ConfigurationError as error:
        match = _KEY.match(error.message)
        document = None if match is None or " line " in error.message else read_named(file)
        if match is not None and document is not None:
            parts = re.findall(r"[\w-]+", match[1])
            key = tuple(int(part) if part.isdecimal() else part for part in parts)
            if (key[0],) in document.lines:
                error.message += f" ({document.source}, line {document.line(key)})"
        raise


def read_named(path: Path | YamlText) -> YamlText:
    """Reads a file whose ``name`` is its own stem where it gives none; a text is what it is.

    Raises:
        ConfigurationError: It cannot be read, or its stem is no name.
    """
    if isinstance(path, YamlText):
        return path
    document = read_yaml(path)
    if not isinstance(document.data, dict) or "name" in document.data:
        return document
    if not re.match(NAME_PATTERN, path.stem):
        raise ConfigurationError(
            f"name: missing, and {path.stem!r} from the file's name is not valid; expected {NAME_PATTERN} ({document.source})"
        )
    return YamlText({**document.data, "name": path.stem}, document.lines, document.source)


def campaign_from_data(data: object, base_path: Path, source: str, limits: LimitsSpec | None = None) -> LoadedCampaign:
    """A campaign that did not come as a file.

    Args:
        data: What a campaign file would hold, its name included.
        base_path: Folder at which relative paths start.
        source: Where the data come from, for errors.
        limits: As of :func:`load_campaign`.

    Raises:
        ConfigurationError: As :func:`load_campaign`.
    """
    return load_campaign(YamlText(data, {}, source), limits, base_path.resolve())


def load_site(path: Path | None) -> SiteSpec:
    """Loads a site file; None gives the defaults. Its paths become absolute, starting at the file's folder.

    Calculators of this process may start its programs from now on.

    Raises:
        ConfigurationError: The file or a key in it is wrong.
    """
    site = (
        SiteSpec() if path is None else _with_command_files(validate_document(SiteSpec, read_yaml(path)), path.resolve().parent)
    )
    offer_commands(site.commands)
    if path is None or site.database.uri_file is None:
        return site
    absolute = path.resolve().parent / user_path(site.database.uri_file, "database.uri_file")
    return site.model_copy(update={"database": site.database.model_copy(update={"uri_file": str(absolute)})})


def _with_command_files(site: SiteSpec, folder: Path) -> SiteSpec:
    """The site with absolute paths of its programs' files."""
    commands = {
        name: command.model_copy(
            update={"files": tuple(str(folder / user_path(file, f"commands.{name}.files")) for file in command.files)}
        )
        for name, command in site.commands.items()
    }
    return site.model_copy(update={"commands": commands})


def spec_hash(spec: CampaignSpec) -> str:
    """Content hash of what makes two campaigns the same, after the version of this rule.

    Editable keys do not count, nor do keys with their defaults; files count by content and not by path.
    """
    data = without_defaults(spec)
    for first, *rest in EDITABLE_KEYS:
        _copy_key(data, {first: default_of(CampaignSpec, first)}, (first, *rest))
    return HASH_VERSION + content_hash(identity(spec, data))


def _copy_key(target: dict[str, Any], source: Mapping[str, Any], key: Sequence[str]) -> None:
    *parents, last = key
    for parent in parents:
        target, source = target[parent], source[parent]
    target[last] = source[last]


def diff_specs(old: CampaignSpec, new: CampaignSpec) -> list[Difference]:
    """Keys in which two specs differ, in order of key; the path of a file whose content is the same is no difference."""
    before, after = (_leaves(compared(spec, without_defaults(spec))) for spec in (old, new))
    return [
        Difference(".".join(map(str, key)), before.get(key, _ABSENT), after.get(key, _ABSENT), is_editable(key))
        for key in sorted({*before, *after}, key=lambda key: tuple(map(str, key)))
        if before.get(key, _ABSENT) != after.get(key, _ABSENT)
    ]


def is_editable(key: KeyPath) -> bool:
    """Returns whether a campaign in progress accepts a change of this key."""
    return any(key[: len(prefix)] == prefix for prefix in EDITABLE_KEYS)


def apply_edits(spec: CampaignSpec, changes: Mapping[str, object]) -> CampaignSpec:
    """Returns the spec with some editable keys changed.

    Args:
        spec: The spec of a campaign in progress.
        changes: New values by dotted key, e.g. ``{"budget.evaluations": 500}``.

    Raises:
        ConfigurationError: A key is not editable, or a value is wrong.
    """
    data = spec.model_dump(mode="json")
    for place, value in changes.items():
        if not is_editable(tuple(place.split("."))):
            allowed = ", ".join(".".join(prefix) for prefix in EDITABLE_KEYS)
            raise ConfigurationError(
                f"{place or repr(place)}: cannot change while a campaign is in progress; editable are {allowed}"
            )
        set_key(data, place, value)
    return validate_data(CampaignSpec, data)


def set_key(data: dict[str, Any], dotted: str, value: object) -> None:
    """Sets one key of a spec.

    Args:
        data: The spec as plain data; changed in place.
        dotted: Where, e.g. ``budget.evaluations``.

    Raises:
        ConfigurationError: It would be a key of something that is no mapping.
    """
    *parents, last = dotted.split(".")
    target = data
    for parent in parents:
        if not isinstance(target.get(parent), dict):
            example = f"{'.'.join(parents)}={{{last}: {value}}}"
            raise ConfigurationError(f"{dotted}: there is no {'.'.join(parents)} to change; set it as a whole: '{example}'")
        target = target[parent]
    target[last] = value


def _resolve(spec: CampaignSpec, base_path: Path, document: YamlText, limits: LimitsSpec | None) -> CampaignSpec:
    """Fills in, or checks, the SHA-256 of every file the spec names."""

    def check(key: KeyPath, file: SpecFile) -> str:
        path, folder, given = base_path / file.path, file.kind == "folder", file.sha256
        where = f"({document.source}, line {document.line(key)})"
        name = ".".join(map(str, key))
        if not (path.is_dir() if folder else path.is_file()):
            raise ConfigurationError(
                f"{name}: {'folder' if folder else 'file'} {str(path)!r} does not exist {where}",
                hint="paths start at the file's folder",
            )
        try:
            if file.largest is not None:
                every = structure_files(path, name) if folder else [path]
                check_limit(limits, file.largest, sum(item.stat().st_size for item in every), f"{name}: bytes of {path.name!r}")
            found = folder_sha256(path, name) if folder else file_sha256(path)
        except OSError as error:
            raise ConfigurationError(f"{name}: {str(path)!r} cannot be read: {error.strerror} {where}") from error
        if given is not None and given != found:
            raise ConfigurationError(f"{name}: the content of {str(path)!r} has SHA-256 {found}, expected {given} {where}")
        return found

    _check_looks(spec, document)
    _check_value_columns(spec, document)
    space, calculator = spec.space, spec.calculator
    space = without_references(_resolve_space(space, check, ("space",)))
    label = spec.label
    if calculator is not None:
        calculator = _resolve_calculator(calculator, space, base_path, document, ("calculator",))
    if label is not None:
        found = _resolve_calculator(label.calculator, space, base_path, document, ("label", "calculator"))
        label = label.model_copy(update={"calculator": found})
    levels = tuple(
        level
        if level.calculator is None
        else level.model_copy(
            update={
                "calculator": _resolve_calculator(level.calculator, space, base_path, document, ("levels", i, "calculator"))
            }
        )
        for i, level in enumerate(spec.levels)
    )
    check_cell(space, calculator, document)
    space = resolve_crystal(space, calculator, base_path)
    density = getattr(calculator, "kpoint_density", None)
    if density is not None:
        space = space.with_kpoint_density(density)
    transfer = spec.transfer
    if transfer is not None:
        sources = tuple(
            source.model_copy(update={"space": _resolve_space(source.space, check, ("transfer", "sources", i, "space"))})
            if isinstance(source, TableSourceSpec)
            else source
            for i, source in enumerate(transfer.sources)
        )
        transfer = transfer.model_copy(update={"sources": sources})
    update = {"space": space, "calculator": calculator, "levels": levels, "label": label, "transfer": transfer}
    spec = spec.model_copy(update=update)
    return with_defaults(spec)


def _check_value_columns(spec: CampaignSpec, document: YamlText) -> None:
    """Raises ConfigurationError if the heading of a table's values has another unit than they are read in."""
    tables: list[tuple[KeyPath, SpaceBase, str | None]] = [(("space",), spec.space, None)]
    for i, source in enumerate(spec.transfer.sources if spec.transfer is not None else ()):
        if isinstance(source, TableSourceSpec):
            tables.append((("transfer", "sources", i, "space"), source.space, source.unit))
    for place, space, unit in tables:
        heading, own = getattr(getattr(space, "columns", None), "value", None), unit or spec.objective.unit
        stated = None if heading is None else unit_of_heading(heading, own)
        if stated is not None and not same_numbers(stated, own):
            key = (*place, "columns", "value")
            where = f"({document.source}, line {document.line(key)})"
            name, of = ".".join(map(str, key)), "objective.unit" if unit is None else "the source's unit"
            raise ConfigurationError(f"{name}: {heading!r} is in {stated!r}, but {of} is {own!r}; change one of them {where}")


def _check_looks(spec: CampaignSpec, document: YamlText) -> None:
    """Raises ConfigurationError if looks at a level would give other values than the campaign's."""
    if (found := spec.misleading_look()) is not None:
        i, reason = found
        where = f"({document.source}, line {document.line(('levels', i, 'calculator'))})"
        raise ConfigurationError(f"levels[{i}].calculator: {reason} {where}")


def _resolve_space(space: _Space, check: _Check, key: KeyPath) -> _Space:
    """The space with the content hashes of the files that it names."""
    return space.with_hashes({file.key: check((*key, *file.key), file) for file in space.files()})


def _resolve_calculator(
    calculator: CalculatorSpec, space: SpaceSpec, base_path: Path, document: YamlText, key: KeyPath
) -> CalculatorSpec:
    """The spec with the hashes of the files that it names; refuses elements for which these have nothing.

    Args:
        space: What the calculator must know the elements of.
        base_path: Folder of the file.
    """
    facts = calculator.facts
    if not (facts.files or facts.parts or facts.elements_from or isinstance(calculator, PluginCalculator)):
        return calculator
    blamed = (*key, *filter(None, (facts.elements_from or next((file.path for file in facts.files), None),)))
    where = f"({document.source}, line {document.line(blamed)})"
    try:
        calculator = resolve_calculator(calculator, base_path)
        known = known_elements(calculator, base_path) if facts.elements_from is not None else None
    except ConfigurationError as error:
        message = re.sub(r"^calculator(?=[.:])", dotted(key), error.message)
        raise ConfigurationError(f"{message} {where}", hint=error.hint) from error
    workflow = workflow_of(calculator)
    moving = {workflow.ion} if workflow is not None and workflow.ion is not None else set()
    for element in sorted((space.elements | moving) - known) if known is not None else ():
        whose = "the ion" if element in moving else "the crystal"
        hint = f"it knows {', '.join(sorted(known))}" if known and len(known) <= _SHOWN else None
        raise ConfigurationError(f"{dotted(blamed)}: {whose}'s {element} is missing {where}", hint=hint)
    return calculator


_WHOLE_KEYS = (("budget", "stop"),)
"""Mappings that are changed as a whole, because they may be absent."""


def _leaves(value: object, path: KeyPath = ()) -> dict[KeyPath, object]:
    if isinstance(value, dict) and value and path not in _WHOLE_KEYS:
        return {key: leaf for name, child in value.items() for key, leaf in _leaves(child, (*path, name)).items()}
    return {path: value}

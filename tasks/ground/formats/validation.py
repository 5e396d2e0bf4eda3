"""Turns pydantic's validation errors into useful messages: path of the key, its value, the expected value, the line."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tansaku.models.domain.errors import ConfigurationError, InvalidSpecError, SpecProblem
from tansaku.models.domain.plugins import reasons_for
from tansaku.models.domain.wording import did_you_mean
from tansaku.tasks.ground.formats.pattern_words import unmatched
from tansaku.tasks.ground.formats.yaml_text import KeyPath, YamlText

Model = TypeVar("Model", bound=BaseModel)

_WRONG_KIND = ("model_type", "model_attributes_type", "tuple_type", "list_type", "dict_type", "string_type", "literal_error")
_KEY_ERRORS = ("missing", "extra_forbidden")
_MAX_SHOWN = 60
_KEY = r"[a-z][a-z0-9_]*(?:\.[\w-]+|\[[0-9]+\])*"
_BEGINS_WITH_KEYS = re.compile(rf"(?P<keys>{_KEY}(?:(?:, | and ){_KEY})*): ")
_INSTANCE = re.compile(r"a valid dictionary or (?:instance of|object to extract fields from) ?\w*")
_STEP = re.compile(r"[\w-]+")


class _Problem(NamedTuple):
    """One error, with the branches of the plain unions that reported it, the outermost first."""

    path: KeyPath
    detail: ErrorDetails
    branches: tuple[tuple[KeyPath, str], ...]
    models: tuple[type[BaseModel], ...]


def validate_document(model: type[Model], document: YamlText) -> Model:
    """Validates the data of a file.

    Raises:
        ConfigurationError: One line per problem: path, value, what was expected, file and line.
    """
    return validate_data(model, document.data, document)


def validate_data(model: type[Model], data: object, document: YamlText | None = None) -> Model:
    """Validates plain data; ``document`` supplies the lines shown in errors.

    Raises:
        ConfigurationError: One line per problem.
    """
    if not isinstance(data, Mapping):
        source = document.source if document else model.__name__
        raise ConfigurationError(f"{source}: {_shown(data)} instead of a mapping of keys to values")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = find_problems(error, model, data, document)
        lines = [f"{problem} ({document.source}, line {problem.line})" if document else str(problem) for problem in problems]
        source = document.source if document else "the spec"
        head = lines[0] if len(lines) == 1 else f"{source}: {len(lines)} problems\n  " + "\n  ".join(lines)
        raise InvalidSpecError(head, problems) from error


def validate_part(model: type[BaseModel], data: object, key: str) -> None:
    """Validates plain data of one part of a campaign file.

    Args:
        data: What the file would hold there.

    Raises:
        InvalidSpecError: One line per problem, with the path that it has in the file.
    """
    try:
        validate_data(model, data)
    except InvalidSpecError as error:
        problems = [replace(problem, key=f"{key}.{problem.key}" if problem.key else key) for problem in error.problems]
        raise InvalidSpecError("\n".join(map(str, problems)), problems) from None


def find_problems(error: ValidationError, model: type[BaseModel], data: object, document: YamlText | None) -> list[SpecProblem]:
    """Lists all problems in the order of the file."""
    problems = _without_echoes([_locate(detail, model, data) for detail in error.errors(include_url=False)])
    found = [_described(problem, data, document) for problem in _best_branches(problems)]
    return sorted(found, key=lambda problem: problem.line or 0)


def _described(problem: _Problem, data: object, document: YamlText | None) -> SpecProblem:
    """A problem in words: of the key that a rule for several keys names first in its message, where it names one."""
    path, message = problem.path, _explain(problem)
    keys, rest = _keys_of(message, path, data) if problem.detail["type"] == "value_error" else ((), message)
    line = document.line(keys[0] if keys else path) if document else None
    return SpecProblem(dotted(keys[0]), line, rest) if len(keys) == 1 else SpecProblem(dotted(path), line, message)


def _keys_of(message: str, path: KeyPath, data: object) -> tuple[tuple[KeyPath, ...], str]:
    """The keys with which a message begins, those that the data have first, and what follows them.

    Args:
        message: In words, such as ``goal.threshold: 3 GPa is …`` or ``energy, forces: both are null``.
        path: Of the part whose rule was broken; keys start there or at the top.
        data: Of the whole text.
    """
    given = _BEGINS_WITH_KEYS.match(message)
    if given is None:
        return (), message
    keys = [
        tuple(int(step) if step.isdigit() else step for step in _STEP.findall(key))
        for key in re.split(r", | and ", given["keys"])
    ]
    here = data
    for step in path:
        here = here[step]  # type: ignore[index]
    for base, part in ((path, here), ((), data)):
        if isinstance(part, Mapping) and any(key[0] in part for key in keys):
            ordered = sorted(keys, key=lambda key: key[0] not in part)
            return tuple((*base, *key) for key in ordered), message[given.end() :]
    return (), message


def located(message: str, document: YamlText, model: type[BaseModel]) -> SpecProblem:
    """A message that begins with a key, as most do, as a problem of that key.

    Args:
        message: One problem in words.
        document: The text that is wrong.
        model: Of the whole text.
    """
    text = message.replace(f"({document.source}, line 1)", "").strip()
    top = dict.fromkeys(model.model_fields)
    keys, rest = _keys_of(text, (), top)
    if len(keys) != 1:
        return SpecProblem("", None, text)
    line = document.line(keys[0]) if keys[0][:1] in document.lines else None
    return SpecProblem(dotted(keys[0]), line, rest)


def _locate(detail: ErrorDetails, model: type[BaseModel], data: object) -> _Problem:
    """Separates the keys of an error's location from the union tags that pydantic puts between them."""
    path: KeyPath = ()
    branches: tuple[tuple[KeyPath, str], ...] = ()
    models: tuple[type[BaseModel], ...] = (model,)
    here = data
    loc = detail["loc"]
    for position, step in enumerate(loc):
        is_last = position == len(loc) - 1
        if step == "[key]":
            continue
        if chosen := _chosen_by_tag(models, here, step):
            models = chosen
            continue
        if (isinstance(here, Mapping) and step in here) or (
            isinstance(step, int) and isinstance(here, Sequence) and not isinstance(here, str) and step < len(here)
        ):
            here = here[step]  # type: ignore[index]
            models = _models_below(models, step)
            path = (*path, step)
        elif is_last and detail["type"] == "missing":
            path = (*path, step)
        else:
            tagged = tuple(m for m in models if step in (m.__name__, *_tags_of(m)))
            discriminated = bool(tagged) and step in _tags_of(tagged[0])
            models = tagged or models
            if not discriminated:
                branches += () if any(union == path for union, _ in branches) else ((path, str(step)),)
    return _Problem(path, detail, branches, models)


def _chosen_by_tag(models: tuple[type[BaseModel], ...], here: object, step: str | int) -> tuple[type[BaseModel], ...]:
    """The member of a union that a step of a location tells by its tag, none where the step is a key.

    A tag may be a key as well: a space of type ``parameters`` has ``parameters``.
    """
    if len(models) < 2 or not isinstance(here, Mapping) or here.get("type") != step:
        return ()
    return tuple(model for model in models if step in _tags_of(model))


def _without_echoes(problems: Sequence[_Problem]) -> list[_Problem]:
    """Omits errors about short lists that are only short because their items were rejected."""
    paths = [problem.path for problem in problems]
    return [
        problem
        for problem in problems
        if problem.detail["type"] != "too_short"
        or not any(len(path) > len(problem.path) and path[: len(problem.path)] == problem.path for path in paths)
    ]


def _models_below(models: Iterable[type[BaseModel]], step: str | int) -> tuple[type[BaseModel], ...]:
    if isinstance(step, int):
        return tuple(models)
    found: list[type[BaseModel]] = []
    for model in models:
        if step in model.model_fields:
            found.extend(_models_in(model.model_fields[step].annotation))
    return tuple(found) or tuple(models)


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models_in(part)]


def _tags_of(model: type[BaseModel], key: str = "type") -> tuple[object, ...]:
    field = model.model_fields.get(key)
    return typing.get_args(field.annotation) if field else ()


def _best_branches(problems: Sequence[_Problem], depth: int = 0) -> list[_Problem]:
    """Keeps, for every plain union, only the errors of the member that is most similar to the data.

    Args:
        problems: All of them; a member of a union may hold unions itself.
        depth: In so many unions all of these problems are.
    """
    kept = [problem for problem in problems if len(problem.branches) <= depth]
    unions: dict[KeyPath, dict[str, list[_Problem]]] = {}
    for problem in problems:
        if len(problem.branches) > depth:
            union, member = problem.branches[depth]
            unions.setdefault(union, {}).setdefault(member, []).append(problem)
    for union, members in unions.items():
        best = [_best_branches(found, depth + 1) for found in members.values()]
        kept.extend(_of_no_kind(best, union) or min(best, key=lambda found: sum(_distance(item, union) for item in found)))
    return kept


def _of_no_kind(members: Sequence[Sequence[_Problem]], union: KeyPath) -> list[_Problem]:
    """One problem that names all members of a union, if the value is of no member's kind; else none."""
    firsts = [found[0] for found in members if len(found) == 1 and _is_wrong_kind(found[0], union)]
    if len(firsts) < len(members):
        return []
    expected = dict.fromkeys(
        _INSTANCE.sub("a mapping", problem.detail["msg"]).removeprefix("Input should be ") for problem in firsts
    )
    detail = firsts[0].detail.copy()
    detail["msg"] = f"Input should be {' or '.join(expected)}"
    return [firsts[0]._replace(detail=detail)]


def _distance(problem: _Problem, union: KeyPath) -> int:
    kind = problem.detail["type"]
    if _is_wrong_kind(problem, union):
        return 50 if kind == "literal_error" else 100
    return 10 if kind in _KEY_ERRORS else 1


def _is_wrong_kind(problem: _Problem, union: KeyPath) -> bool:
    return problem.path == union and problem.detail["type"] in _WRONG_KIND


def _explain(problem: _Problem) -> str:
    detail, kind = problem.detail, problem.detail["type"]
    context = detail.get("ctx", {})
    if kind == "missing":
        return "missing"
    if kind == "extra_forbidden":
        known = sorted({name for model in problem.models for name in model.model_fields} or {""})
        return f"unknown key{did_you_mean(str(problem.path[-1]), known)}; known are {', '.join(known)}"
    if kind == "union_tag_not_found":
        key = context["discriminator"].strip("'")
        tags = (str(tag) for model in problem.models for tag in _tags_of(model, key))
        return f"{key}: missing; expected one of {', '.join(tags)}"
    if kind == "union_tag_invalid":
        key, expected = context["discriminator"].strip("'"), [tag.strip("'") for tag in context["expected_tags"].split(", ")]
        if key != "type":
            return f"{key}: {_shown(detail['input'][key])}; expected one of {', '.join(expected)}"
        tag, hint = context["tag"], did_you_mean(context["tag"], expected)
        return f"type {_shown(tag)} is not known; expected one of {', '.join(expected)}{hint}{reasons_for(tag)}"
    if kind == "string_pattern_mismatch":
        return f"{_shown(detail['input'])} {unmatched(detail['input'], context['pattern'])}"
    if kind == "literal_error" and problem.path[-1] == "schema_version" and _is_later(detail["input"]):
        return f"{detail['input']!r}; a newer version of tansaku wrote it, this one reads {context['expected']}"
    plain = detail["msg"].removeprefix("Value error, ").partition(", unable to parse")[0]
    message = _INSTANCE.sub("a mapping of keys", plain)
    for old, new in (
        ("Input should be", "must be"),
        ("String should", "must"),
        ("Tuple should", "must"),
        ("List should", "must"),
        ("Dictionary should", "must"),
        ("Input should", "must"),
        (" after validation, not", "; it has"),
        ("a valid tuple", "a list"),
        ("a valid dictionary", "a mapping of names to values"),
    ):
        message = message.replace(old, new)
    hint = did_you_mean(detail["input"], context.get("expected", "").replace("'", "").replace(" or ", ", ").split(", "))
    return f"{message}{hint}" if kind == "value_error" else f"{_shown(detail['input'])} {message}{hint}"


def _is_later(version: object) -> bool:
    return isinstance(version, int) and version > 1


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def dotted(path: KeyPath) -> str:
    """A path as messages show it."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text

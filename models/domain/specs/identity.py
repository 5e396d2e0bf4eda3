"""The identity of a spec: what makes two computations, or two campaigns, the same.

It follows from the classes. A key counts where it differs from its default, so that a new key with a default changes no
identity. A file counts by its content once that is known, never by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import PurePath
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.base import FILLED_IN, NamesFile, Spec

_NONE = object()


def identity(spec: Spec, data: JsonDict | None = None) -> JsonDict:
    """Returns the keys of a resolved spec that are not their defaults, as plain data for a hash.

    Args:
        data: Its plain data where some values of it do not count, and are replaced by their defaults.
    """
    return _keys(spec, spec.model_dump(mode="json") if data is None else data, with_defaults=False)


def compared(spec: Spec, data: JsonDict) -> JsonDict:
    """As :func:`identity` with all keys, to show where two specs differ."""
    return _keys(spec, data, with_defaults=True)


@cache
def default_of(model: type[BaseModel], key: str) -> object:
    """Returns the default of a key as plain data, which must not be changed; an object like nothing else where it has none."""
    field = model.model_fields[key]
    return _NONE if field.is_required() else to_jsonable_python(field.get_default(call_default_factory=True))


def _keys(spec: BaseModel, data: JsonDict, *, with_defaults: bool) -> JsonDict:
    """The part of a spec's plain data that counts."""
    kind, said = type(spec), JsonDict()
    files = _file_keys(kind)
    for key in kind.model_fields:
        if key not in data or _is_filled_in(kind, key) or (key in files and data.get(files[key])):
            continue
        if with_defaults or _is_fixed(kind, key) or data[key] != default_of(kind, key):
            said[key] = _said(getattr(spec, key), data[key], with_defaults=with_defaults)
    if data.get("hashes"):  # names of candidates come from names of files
        said["paths"] = [PurePath(path).name for path in data["paths"]]
    return said


def _said(value: object, data: object, *, with_defaults: bool) -> object:
    """The part of a value's plain data that counts."""
    if isinstance(value, BaseModel) and isinstance(data, dict):
        return _keys(value, data, with_defaults=with_defaults)
    if isinstance(value, Mapping) and isinstance(data, dict):
        pairs = zip(value.values(), data.items(), strict=True)
        return {key: _said(item, plain, with_defaults=with_defaults) for item, (key, plain) in pairs}
    if isinstance(value, list | tuple) and isinstance(data, list):
        return [_said(item, plain, with_defaults=with_defaults) for item, plain in zip(value, data, strict=True)]
    return data


@cache
def _file_keys(model: type[BaseModel]) -> Mapping[str, str]:
    """Keys that name files, and the keys with the hashes of their content."""
    facts = getattr(model, "facts", None)
    if facts is not None:
        return {file.path: file.content for file in facts.files if file.path is not None}
    if "sha256" not in model.model_fields:
        return {}
    fields = model.model_fields.items()
    return {key: "sha256" for key, field in fields if _marked(field.metadata) or _names_file(field.annotation)}


def _names_file(annotation: object) -> bool:
    return _marked(getattr(annotation, "__metadata__", ())) or any(map(_names_file, get_args(annotation)))


def _marked(marks: Iterable[object]) -> bool:
    return any(isinstance(mark, NamesFile) for mark in marks)


@cache
def _is_filled_in(model: type[BaseModel], key: str) -> bool:
    return FILLED_IN in model.model_fields[key].metadata


@cache
def _is_fixed(model: type[BaseModel], key: str) -> bool:
    """Returns whether a key can have one value only, as ``type`` does, which tells the members of a union apart."""
    annotation = model.model_fields[key].annotation
    return get_origin(annotation) is Literal and len(get_args(annotation)) == 1

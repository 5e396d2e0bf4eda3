"""The keys of a spec that a file would contain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args, get_origin

from pydantic import BaseModel

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec

_FILLED_IN = (
    *("sha256", "potential_sha256", "model_sha256", "reuse_sha256", "known_first", "weights", "named_by_file"),
    *("own_lattice_parameter", "computed"),
)


def written_spec(spec: CampaignSpec) -> JsonDict:
    """A spec as the plain data of a campaign file: neither defaults nor what tansaku fills in, the name first."""
    first = {"schema_version": spec.schema_version, "name": spec.name}
    data = written(spec.model_dump(mode="json"), spec.model_dump(mode="json", exclude_defaults=True), spec)
    assert isinstance(data, dict)
    return first | {key: value for key, value in data.items() if key not in first}


def written(value: object, given: object, part: object) -> object:
    """The part of a spec that a file would contain: values other than defaults, and keys that distinguish a union's members.

    Args:
        value: Plain data.
        given: The same without defaults.
        part: What was dumped as the data; anything else where a change was made.
    """
    if isinstance(value, dict) and isinstance(given, dict):
        tags = {"type"} | _tags(part)
        kept = [key for key in value if (key in given or key in tags) and key not in _FILLED_IN]
        return {key: written(value[key], given.get(key, value[key]), _inner(part, key)) for key in kept}
    if isinstance(value, list) and isinstance(given, list):
        parts = part if isinstance(part, Sequence) and len(part) == len(value) else [None] * len(value)
        return [written(*items) for items in zip(value, given, parts, strict=True)]
    return value


def _tags(part: object) -> set[str]:
    """Keys of a spec with a single allowed value; they distinguish a union's members, as ``boundaries`` does for ``cell``."""
    if not isinstance(part, BaseModel):
        return set()
    fields = type(part).model_fields.items()
    return {name for name, info in fields if get_origin(info.annotation) is Literal and len(get_args(info.annotation)) == 1}


def _inner(part: object, key: str) -> object:
    return part.get(key) if isinstance(part, Mapping) else getattr(part, key, None)

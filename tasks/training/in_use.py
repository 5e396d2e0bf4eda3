"""Which versions of the registry a campaign's calculators are, by the content of the files that they were exported to."""

from __future__ import annotations

from collections.abc import Iterator

from tansaku.models.domain.model_registry import Registry
from tansaku.models.domain.records import JsonDict


def models_in_use(registry: Registry, spec: JsonDict) -> dict[str, str]:
    """The models that a resolved campaign's calculators and labels read from files.

    Returns:
        ``NAME@VERSION`` by file, of a version that this registry has; ``another registry's`` where it has none of this content.
    """
    labels = {item.artifact: item.label for item in registry.readable_models()[0]}
    return {file: labels.get(sha256, "another registry's") for file, sha256 in sorted(set(_files(spec)))}


def _files(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if isinstance(value.get("model"), str) and isinstance(value.get("model_sha256"), str):
            yield value["model"], value["model_sha256"]
        for inner in value.values():
            yield from _files(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _files(inner)

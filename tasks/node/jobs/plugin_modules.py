"""Plug-ins that compute an evaluation, and a watch over their modules: a worker that starts later would import others."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path

from tansaku.calculators.frozen_files import Watch, watching
from tansaku.models.domain.plugins import Plugin, code_of, plugin_of
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.tasks.node.jobs.document import JobDocument


def plugins_of(document: JobDocument) -> tuple[str, ...]:
    """Plug-ins that a document's parts come from, for provenance."""
    return tuple(dict.fromkeys(f"{plugin.origin} ({plugin.group}: {plugin.name})" for plugin in _plugins(document)))


def check_modules(document: JobDocument) -> None:
    """Checks that the modules of a document's plug-ins are those that this process, and those before it, imported.

    Raises:
        ConfigurationError: One was changed.
    """
    for plugin in dict.fromkeys(_plugins(document)):
        watch = _watch(plugin.origin)
        watch.check()
        known = {file.path for file in watch.used}
        imported = {f"{plugin.origin} {name}": path for name, path in _imported(_packages(plugin)) if path not in known}
        watch.add_in_place(imported)


def _plugins(document: JobDocument) -> Iterator[Plugin]:
    calculators = [document.calculator, document.label.calculator if document.label is not None else None]
    workflow = workflow_of(document.calculator)
    parts = [("spaces", document.space.type), ("objectives", document.objective.property or "")]
    parts += [("features", getattr(features, "type", "")) for features in getattr(document.space, "features", {}).values()]
    for calculator in filter(None, calculators):
        parts += [("calculators", calculator.type), ("calculators", str(getattr(calculator, "name", "")))]
    parts.append(("workflows", document.space.description.jobs.get(workflow.type if workflow is not None else None, "")))
    return filter(None, (plugin_of(group, name) for group, name in parts))


@lru_cache(maxsize=64)
def _packages(plugin: Plugin) -> frozenset[str]:
    """Packages that a plug-in itself brings; what they import of others belongs to the environment."""
    return frozenset(path.partition(":")[0].partition(".")[0] for path in (plugin.entry.module, *code_of(plugin))) - {"tansaku"}


def _imported(packages: Collection[str]) -> Iterator[tuple[str, Path]]:
    """Names and files of the modules of packages that this process has imported."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in packages:
            file = getattr(module, "__file__", None)
            if file is not None:
                yield name, Path(file)


@lru_cache(maxsize=64)
def _watch(_version: str) -> Watch:
    """The watch over a plug-in; another version has another one, as its results say."""
    with watching() as watch:
        return watch

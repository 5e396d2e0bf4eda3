"""Data sets and models of a campaign under another name: pure functions shared by all registries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.model_registry import DatasetRecord, ModelRecord
from tansaku.models.domain.records import JsonDict


def names_models(spec: JsonDict) -> bool:
    """Returns whether the models that a campaign trains have its name, since its file gives them none."""
    retrain = spec.get("retrain")
    return isinstance(retrain, dict) and not retrain.get("model")


def with_label(label: str, new: str) -> str:
    """A label ``NAME@VERSION`` under another name."""
    return f"{new}@{label.partition('@')[2]}"


@dataclass(frozen=True)
class Following:
    """Records of a registry that follow a campaign to its new name.

    Attributes:
        datasets: Data sets as they were and as they become.
        models: The same of versions that it trained and that have its name.
        begun: The same of other versions that began with one of these.
    """

    datasets: list[tuple[DatasetRecord, DatasetRecord]]
    models: list[tuple[ModelRecord, ModelRecord]]
    begun: list[tuple[ModelRecord, ModelRecord]]


def following(datasets: Iterable[DatasetRecord], models: Sequence[ModelRecord] | None, old: str, new: str) -> Following:
    """Finds what follows a campaign.

    Args:
        datasets: All of the registry.
        models: All of the registry; None where those of the campaign keep their name, and its data sets theirs.
        old: The campaign's name.
        new: Its new name; an interrupted call may have given it to some data sets.
    """
    own = [dataset for dataset in datasets if _campaign_of(dataset) in (old, new)]
    if models is None:
        return Following([(dataset, _dataset(dataset, new, dataset.name)) for dataset in own], [], [])
    hashes = {dataset.sha256 for dataset in own}
    moved = [model for model in models if model.name == old and model.dataset in hashes]
    # Versions that an interrupted call has moved already: a later one may still begin with one of them by its old label.
    before = {with_label(model.label, old) for model in models if model.name == new and model.dataset in hashes}
    labels = {model.label for model in moved} | before - {model.label for model in models}
    return Following(
        datasets=[(dataset, _dataset(dataset, new, new if dataset.name == old else dataset.name)) for dataset in own],
        models=[(model, _model(model, labels, new, {"name": new})) for model in moved],
        begun=[(model, _model(model, labels, new, {})) for model in models if model not in moved and _start(model) in labels],
    )


def check_same(known: ModelRecord, moved: ModelRecord) -> None:
    """Raises StoreError unless a stored version of the new name is the one that an interrupted call has moved."""
    if known.artifact != moved.artifact:
        raise StoreError(f"model {moved.label} is stored already and is another one", hint="choose another name")


def _campaign_of(dataset: DatasetRecord) -> object:
    source = dataset.spec.get("source")
    return source.get("campaign") if isinstance(source, dict) and source.get("type") == "observed" else None


def _dataset(dataset: DatasetRecord, campaign: str, name: str) -> DatasetRecord:
    spec = dataset.spec | {"source": dataset.spec["source"] | {"campaign": campaign}}
    return dataset.model_copy(update={"name": name, "spec": spec | ({"name": name} if "name" in spec else {})})


def _start(model: ModelRecord) -> object:
    return model.spec.get("start")


def _model(model: ModelRecord, labels: set[str], new: str, changes: JsonDict) -> ModelRecord:
    spec = model.spec | {key: value for key, value in changes.items() if key in model.spec}
    if (start := _start(model)) in labels:
        spec |= {"start": with_label(str(start), new)}
    return model.model_copy(update=changes | {"spec": spec})

"""Definition of a retrain in the registry's terms: model, data set, held-out groups and the version for comparison."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import filter as fnfilter
from fnmatch import fnmatchcase

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.model_registry import DatasetRecord, ModelRecord, Registry
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.retraining import Retrain, RetrainEnd, Retrains, ended, in_use
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.dataset import GroupsSplitSpec, ShareSplitSpec
from tansaku.models.domain.specs.retrain import RetrainSpec
from tansaku.models.domain.specs.surrogate import ModelSpec
from tansaku.tasks.loop.training.versions import find_model
from tansaku.tasks.node.jobs.splitting import Side, sides_by_name

REPORTED_FAILURE = "retrain-failed"
"""Kind of the events by which a run of the service reports to the driver that a training produced no version."""


def retrain_spec(spec: CampaignSpec) -> RetrainSpec:
    """Returns how a campaign retrains."""
    if spec.retrain is None:
        raise AssertionError("only a campaign with `retrain` has trainings")
    return spec.retrain


def split_rule(spec: RetrainSpec, groups: Iterable[str]) -> ShareSplitSpec | GroupsSplitSpec:
    """Returns how a retrain's results are split.

    Args:
        spec: Gives what is held out.
        groups: Existing groups; a name that fits none of them has no result yet.
    """
    if isinstance(spec.held_out, float):
        return ShareSplitSpec(held_out=spec.held_out)
    present = list(groups)
    there = tuple(item for item in spec.held_out if any(fnmatchcase(group, item) for group in present))
    if not there:
        raise ConfigurationError(f"retrain.held_out: no result yet of {', '.join(spec.held_out)}")
    return GroupsSplitSpec(held_out=there)


def sides_of_pool(pool: CandidatePool, spec: CampaignSpec) -> dict[str, Side]:
    """Side of each group that a campaign's results can be of.

    Raises:
        ConfigurationError: ``held_out`` names what is no group, or a side stays empty.
    """
    retrain = retrain_spec(spec)
    names = pool.systems if retrain.group == "system" else pool.surfaces
    unknown = [] if isinstance(retrain.held_out, float) else [item for item in retrain.held_out if not fnfilter(names, item)]
    if unknown:
        raise ConfigurationError(f"retrain.held_out: no {retrain.group} {unknown[0]!r}; available: {', '.join(names)}")
    sides = sides_by_name(names, split_rule(retrain, names), spec.seed)
    if len(set(sides.values())) < 2:
        empty = "left for training" if "held_out" in sides.values() else "held out"
        raise ConfigurationError(
            f"retrain.held_out: of {len(names)} groups, none is {empty}", hint="name them, or change the share or the seed"
        )
    return sides


def model_spec(spec: CampaignSpec, training: Retrain, retrains: Retrains) -> ModelSpec:
    """Returns the model of a retrain, as a model file would define it."""
    retrain = retrain_spec(spec)
    used = in_use(_earlier(retrains, training)) if retrain.warm else None
    return ModelSpec(
        schema_version=1,
        name=training.model,
        dataset=training.dataset,
        learns=retrain.learns,
        seed=spec.seed,
        start=used.version if used is not None else None,
        surrogate=retrain.surrogate,
    )


def dataset_of(registry: Registry, training: Retrain) -> DatasetRecord:
    """The stored data set of a retrain.

    Raises:
        NotFoundError: It is no longer stored.
    """
    found = next((dataset for dataset in registry.datasets(training.model) if dataset.sha256 == training.dataset), None)
    if found is None:
        raise NotFoundError(f"the data set {training.dataset[:12]} of {training.model} is no longer stored")
    return found


def predecessor(registry: Registry, spec: CampaignSpec, retrains: Retrains, training: Retrain) -> ModelRecord | None:
    """The version that a retrained one is compared with: the campaign's own last, or the one that it began with."""
    used = in_use(_earlier(retrains, training))
    look = spec.pre_screening
    label = used.version if used is not None else look.model if look is not None else None
    return None if label is None else find_model(registry, label)


def _earlier(retrains: Retrains, training: Retrain) -> list[RetrainEnd]:
    return [end for end in ended(retrains) if end.number < training.number]


def failure_event_id(training: Retrain) -> str:
    """Id of the event of kind :data:`REPORTED_FAILURE`."""
    return short_hash([training.campaign, REPORTED_FAILURE, training.number])

"""Labels for chosen structures: a data set's campaign relaxes all, and a second one labels those that are worth it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.errors import ConfigurationError, NotFoundError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.dataset import ChoiceSpec, ComputedSourceSpec
from tansaku.models.domain.surrogates import Example
from tansaku.models.features.atomic_environment import check_descriptors
from tansaku.models.surrogates.choosing import Environments, informative_order, smallest_order, within
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.datasets.building import LoadedDataset, campaign_of, finished, gather, searched
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tansaku.tasks.node.jobs.splitting import split


@dataclass(frozen=True)
class ChosenLabels:
    """The campaign that computes labels, and how many it avoids.

    Attributes:
        campaign: Relaxes the listed structures again, which is cheap, and labels them.
        chosen: Structures to learn from.
        of: From how many.
        held_out: Structures that judge; all are labelled.
        share: Of what labels of all training structures would cost.
    """

    campaign: LoadedCampaign
    chosen: int
    of: int
    held_out: int
    share: float


def check_choice(loaded: LoadedDataset) -> None:
    """Raises MissingComponentError when the choice needs a descriptor whose package is not installed."""
    choice = _choice(loaded)
    if choice.by == "information":
        check_descriptors(choice.descriptors)


def choose_labels(resources: Resources, loaded: LoadedDataset) -> ChosenLabels:
    """Chooses among the structures that a data set's campaign has relaxed.

    The order in which training structures are worth their cost is frozen with the campaign that labels them: a raised share
    adds to what is there.

    Raises:
        ConfigurationError: Nothing is relaxed, it cannot be divided, or these are others than were chosen from before.
    """
    choice = _choice(loaded)
    examples = gather(finished(searched(resources, loaded.spec.name)), resources.artifacts)
    sides = split(examples, loaded.spec.split, loaded.spec.seed)
    training = np.array(
        [number for number, example in enumerate(examples) if sides[example.group] == "training"], dtype=np.intp
    )
    held_out = [example.id for example in examples if sides[example.group] == "held_out"]
    cost = np.array([len(example.structure) for example in examples], dtype=np.float64) ** choice.power
    order = _known_order(resources, loaded, examples, held_out)
    if order is None:
        order = order_of(choice, examples, cost, training, loaded.spec.seed)
    chosen = within(order, cost, choice.share * float(cost[training].sum()))
    campaign = campaign_of(
        loaded.spec,
        loaded.base_path,
        loaded.spec.name,
        name=loaded.labels,
        proposer={"type": "listed", "candidates": [*held_out, *(examples[place].id for place in order)]},
        budget={"evaluations": len(held_out) + len(chosen), "max_failed_fraction": 1.0},
    )
    share = float(cost[chosen].sum() / cost[training].sum())
    return ChosenLabels(campaign, len(chosen), len(training), len(held_out), share)


def order_of(choice: ChoiceSpec, examples: Sequence[Example], cost: FloatArray, training: IntArray, seed: int) -> IntArray:
    """Training structures in the order in which a rule takes them.

    Args:
        examples: All structures; their energies are not looked at.
        cost: Of a label, any unit, shape ``(n,)``.
        training: Positions of those that may be chosen.
        seed: Of the rules that leave something to chance.
    """
    if choice.by == "information":
        return informative_order(
            Environments.of([example.structure for example in examples], choice.descriptors), cost, training
        )
    rng = np.random.default_rng(seed)
    return smallest_order(cost, training, rng) if choice.by == "size" else rng.permutation(training)


def _choice(loaded: LoadedDataset) -> ChoiceSpec:
    source = loaded.spec.source
    if not isinstance(source, ComputedSourceSpec) or source.choice is None:
        raise ConfigurationError(f"source.choice: data set {loaded.spec.name!r} has none")
    return source.choice


def _known_order(
    resources: Resources, loaded: LoadedDataset, examples: Sequence[Example], held_out: Sequence[str]
) -> IntArray | None:
    """The order that the labels' campaign has, None where there is no such campaign yet."""
    try:
        known = stored_spec(resources.store.campaign(loaded.labels)).proposer
    except NotFoundError:
        return None
    listed = known.listed
    places = {example.id: place for place, example in enumerate(examples)}
    if set(listed) != set(places) or set(listed[: len(held_out)]) != set(held_out):
        raise ConfigurationError(
            f"source.choice: campaign {loaded.labels!r} chose from {len(listed)} structures, but now there are {len(places)}",
            hint="only the share may be increased; give the changed data set another name",
        )
    return np.array([places[item] for item in listed[len(held_out) :]], dtype=np.intp)

"""Current predictions of a campaign's model for all candidates, and feature relevance at each refit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.history import build_history, search_entries
from tansaku.models.domain.outliers import trusted
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import DescribingSpace, ScreenedSpace
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import withholds
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.proposer_registry import build_proposer, build_transfer_proposer
from tansaku.models.engine.relevance import relevance
from tansaku.models.engine.transfer.data import KEY, FrozenSources
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.results import cells_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PoolExpectation:
    """Predictions for all candidates, conditioned on all finished evaluations.

    Attributes:
        mean: [objective's unit], shape ``(n_candidates,)``.
        deviation: Same unit and shape; small where a candidate was evaluated.
    """

    mean: FloatArray
    deviation: FloatArray


@dataclass(frozen=True)
class Relevance:
    """Relevance of features to the model, by refit.

    Attributes:
        categories: Sites of a composition and the groups that belong to none; a feature group each in other spaces.
        observed: Observations behind each refit, shape ``(n_refits,)``.
        share: Variance that exchanging a category alone causes, over the sum of all categories, shape
            ``(n_refits, n_categories)``.
    """

    categories: tuple[str, ...]
    observed: tuple[int, ...]
    share: FloatArray


def pool_expectation(data: Campaign) -> PoolExpectation | None:
    """Returns the current predictions of a campaign's proposer.

    None for a proposer without a model, before the first value, and for a model that knows other searches whose data were
    not read.
    """
    proposer = _informed_model(data)
    if proposer is None:
        return None
    pool = data.pool
    entries = search_entries(pool, data.select("search"), learns_cost=data.spec.space.learns_cost)
    history = build_history(entries, len(data.evaluations), data.spec.objective.direction)
    history = trusted(history) if withholds(data.spec.proposer) else history
    if not len(history.observed):
        return None
    fitted = data.refits[-1].hyperparameters if data.refits else None
    mean, deviation = proposer.expected(pool, history, fitted or None)
    return PoolExpectation(data.sign * mean, deviation)


def predicted_points(data: Campaign, points: Sequence[str | JsonDict] | None) -> pd.DataFrame:
    """Returns what describes each point, with the current ``mean`` and ``deviation`` of its value.

    Args:
        points: Ids of candidates, and columns of points that need not be candidates; None: all candidates.

    Raises:
        ConfigurationError: There is no model or no value yet, or the space cannot express a point.
        NotFoundError: There is no such candidate.
    """
    import pandas as pd

    asked = [item for item in points or () if not isinstance(item, str)]
    names = iter([f"point {number}" for number in range(1, len(asked) + 1)])
    ids = None if points is None else [item if isinstance(item, str) else next(names) for item in points]
    there = _with_points(data, asked) if asked else data
    found = pool_expectation(there)
    if found is None:
        raise ConfigurationError("predict: there is no model, or no value yet")
    pool = there.pool
    places = np.arange(len(pool)) if ids is None else pool.positions(ids)
    chosen = [str(name) for name in pool.ids[places]]
    frame = pd.DataFrame([cells_of(there.space, name) for name in chosen], index=pd.Index(chosen, name="candidate"))
    return frame.assign(mean=found.mean[places], deviation=found.deviation[places])


def _with_points(data: Campaign, asked: Sequence[JsonDict]) -> Campaign:
    """The campaign with further candidates, which nobody proposed."""
    spec, space = data.spec.space, data.space
    if not isinstance(space, DescribingSpace):
        raise ConfigurationError(f"predict: points of a {spec.type} space are named by the ids of its candidates")
    rows = [item.model_dump(mode="json") for item in getattr(spec, "off_pool", ())]
    for number, cells in enumerate(asked, 1):
        try:
            space.check_described(f"point {number}", cells)
        except ValueError as error:
            raise ConfigurationError(f"predict: point {number}: {error}") from error
        rows.append({"id": f"point {number}", "cells": cells})
    return data.with_spec(data.spec.model_copy(update={"space": spec.with_off_pool(rows)}))


def relevance_history(data: Campaign) -> Relevance | None:
    """Returns the relevance at each refit; None without refits, or if the kernel is not the proposer's own."""
    proposer = _model(data)
    if proposer is None:
        return None
    pool = data.pool
    categories = feature_categories(data, pool)
    terms = proposer.terms(pool)
    needed = {name for term in terms for name in term.variances}
    observed, rows = [], []
    for refit in data.refits:
        values = {name: np.asarray(value) for name, value in refit.hyperparameters.get("parameters", {}).items()}
        if not refit.ok or not needed <= values.keys():
            continue
        found = np.array(list(relevance(pool, terms, values, categories).values()))
        if found.sum() > 0:
            observed.append(int(refit.hyperparameters["n_observed"]))
            rows.append(found / found.sum())
    return Relevance(tuple(categories), tuple(observed), np.array(rows)) if rows else None


def feature_categories(data: Campaign, pool: CandidatePool) -> Mapping[str, Sequence[str]]:
    """Groups features that change together: those of one site of a composition; otherwise each feature group alone."""
    if not isinstance(data.space, ScreenedSpace):
        return {name: (name,) for name in pool.groups}
    sites = data.space.describe_candidate(str(pool.ids[0]))["ions"]
    by_site = {site: tuple(f"{kind}_{site.lower()}" for kind in ("site", "ion")) for site in sites}
    owned = {group for groups in by_site.values() for group in groups}
    return {**by_site, **{name: (name,) for name in pool.groups if name not in owned}}


def _model(data: Campaign) -> GPProposer | None:
    proposer = build_proposer(data.spec.proposer, data.spec.objective, data.spec.constraints)
    return proposer if isinstance(proposer, GPProposer) else None


def _informed_model(data: Campaign) -> GPProposer | None:
    """Returns the model with its transfer data."""
    record = data.refits[-1].hyperparameters.get(KEY, {}) if data.refits else {}
    if record.get("mode", "none") == "none" or data.spec.transfer is None:
        return _model(data)
    if not data.sources:
        return None
    return build_transfer_proposer(data.spec, data.spec.transfer.mode, FrozenSources(data.sources))

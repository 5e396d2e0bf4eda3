"""Current predictions of a campaign's model for all candidates, and feature relevance at each refit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from tansaku.models.domain.history import build_history, search_entries
from tansaku.models.domain.outliers import trusted
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import DescribingSpace, History, ScreenedSpace
from tansaku.models.domain.records import JsonDict, Refit
from tansaku.models.domain.specs.proposer import withholds
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.proposer_registry import build_proposer, build_transfer_proposer
from tansaku.models.engine.relevance import relevance
from tansaku.models.engine.transfer.data import KEY, FrozenSources
from tansaku.tasks.read.views.campaign import Campaign


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
        categories: Sites of a composition and the groups that belong to none; parameters, or the columns of a table; a feature
            group each in other spaces.
        observed: Observations behind each refit, shape ``(n_refits,)``.
        share: Variance that exchanging a category alone causes, over the sum of all categories, shape
            ``(n_refits, n_categories)``.
    """

    categories: tuple[str, ...]
    observed: tuple[int, ...]
    share: FloatArray


class Known(NamedTuple):
    """A campaign's model with all that it knows.

    Attributes:
        proposer: The model.
        pool: All candidates.
        history: At least one observation.
        hyperparameters: Of the last refit; None: there was none.
    """

    proposer: GPProposer
    pool: CandidatePool
    history: History
    hyperparameters: JsonDict | None


def known_model(data: Campaign) -> Known | None:
    """Returns the model of a campaign's proposer.

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
    return Known(proposer, pool, history, (data.refits[-1].hyperparameters if data.refits else None) or None)


def pool_expectation(data: Campaign) -> PoolExpectation | None:
    """Returns the current predictions of a campaign's proposer; None as of :func:`known_model`."""
    known = known_model(data)
    if known is None:
        return None
    mean, deviation = known.proposer.expected(known.pool, known.history, known.hyperparameters)
    return PoolExpectation(data.sign * mean, deviation)


def relevance_history(data: Campaign, refits: Sequence[Refit] | None = None) -> Relevance | None:
    """Returns the relevance at each refit; None without refits, or if the kernel is not the proposer's own.

    Args:
        refits: Only these; None: all.
    """
    proposer = _model(data)
    if proposer is None:
        return None
    pool = data.pool
    exchanged = _exchanged(data, pool)
    categories = [name for name, _, _ in exchanged]
    terms = proposer.terms(pool)
    needed = {name for term in terms for name in term.variances}
    observed, rows = [], []
    for refit in data.refits if refits is None else refits:
        values = {name: np.asarray(value) for name, value in refit.hyperparameters.get("parameters", {}).items()}
        if not refit.ok or not needed <= values.keys():
            continue
        found = np.array([relevance(among, terms, values, {name: groups})[name] for name, among, groups in exchanged])
        if found.sum() > 0:
            observed.append(int(refit.hyperparameters["n_observed"]))
            rows.append(found / found.sum())
    return Relevance(tuple(categories), tuple(observed), np.array(rows)) if rows else None


def latest_shares(data: Campaign) -> dict[str, float]:
    """Share of each category at the last refit that has one; nothing is computed for those before; empty: none has."""
    for refit in reversed(data.refits):
        if (found := relevance_history(data, [refit])) is not None:
            return dict(zip(found.categories, found.share[-1].tolist(), strict=True))
    return {}


def why_no_shares(data: Campaign) -> str:
    """The reason for which :func:`latest_shares` is empty, in words."""
    if _model(data) is None:
        return f"the proposer {data.spec.proposer.type} has no model over features"
    if not any(refit.ok for refit in data.refits):
        return "no model was fitted yet"
    return "no fit has a variance for each term of the proposer's kernel, or no group of features makes a difference"


def feature_categories(data: Campaign, pool: CandidatePool) -> Mapping[str, Sequence[str]]:
    """Groups features that change together: those of one site of a composition; otherwise each feature group alone."""
    if not isinstance(data.space, ScreenedSpace):
        return {name: (name,) for name in pool.groups}
    sites = data.space.describe_candidate(str(pool.ids[0]))["ions"]
    by_site = {site: tuple(f"{kind}_{site.lower()}" for kind in ("site", "ion")) for site in sites}
    owned = {group for groups in by_site.values() for group in groups}
    return {**by_site, **{name: (name,) for name in pool.groups if name not in owned}}


_FEW_COLUMNS = 30
"""A feature group with more columns is a descriptor, and is exchanged as a whole."""


def _exchanged(data: Campaign, pool: CandidatePool) -> list[tuple[str, CandidatePool, Sequence[str]]]:
    """Returns what is exchanged alone: its name, the pool in which nothing else of its groups differs, and the groups."""
    whole = feature_categories(data, pool)
    if not isinstance(data.space, DescribingSpace):
        return [(name, pool, groups) for name, groups in whole.items()]
    described = [column.name for column in data.space.columns()]
    found: list[tuple[str, CandidatePool, Sequence[str]]] = []
    for name, group in pool.groups.items():
        # A column of categories may be several features, such as `metal=Fe`.
        owners = [next((own for own in described if column.split("=")[0] == own), column) for column in group.columns]
        if group.categorical or len(owners) > _FEW_COLUMNS:
            found.append((owners[0] if len(owners) == 1 else name, pool, (name,)))
            continue
        for own in dict.fromkeys(owners):
            alone = replace(group, values=np.where([owner == own for owner in owners], group.values, 0.0))
            found.append((own, replace(pool, groups={**pool.groups, name: alone}), (name,)))
    return found


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
    proposer = build_transfer_proposer(data.spec, data.spec.transfer.mode, FrozenSources(data.sources))
    return proposer if isinstance(proposer, GPProposer) else None

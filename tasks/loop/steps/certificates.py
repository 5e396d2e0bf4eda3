"""Convergence certificates: computed at intervals and at the end, and stored in the audit log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np

from tansaku.models.domain.certificate import IN_A_ROW, Believed, Certificate
from tansaku.models.domain.identifiers import certificate_rng, short_hash
from tansaku.models.domain.levels import of_wanted
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import CampaignStore, Certifier, Proposer, RemainingGain
from tansaku.models.domain.records import Event, Refit
from tansaku.models.domain.search_state import SearchState
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.objective import OF_VOLUME, Price, StopRuleSpec, parse_worth
from tansaku.models.domain.units import Unit, difference_in
from tansaku.tasks.backends.stores.documents import from_document
from tansaku.tasks.loop.ledger.context import StepContext
from tansaku.tasks.loop.ledger.rounds import Plan, RoundRules, known_history
from tansaku.tasks.loop.steps.outlooks import outlook_of, rate_of

CERTIFICATE = "certificate"
"""Kind of the events that store certificates."""

EVERY = 10
"""Number of proposals between certificates without a stop rule."""

_EVERY_OF_FEW, _FEW_EVALUATIONS = 5, 50

CONFIDENCE = 0.95
"""Probability for certificates without a stop rule."""


_HARDLY, _MOST_STABLE = 0.01, 500  # probability of being on a hull, and number, of candidates that are stored

_FEW = 8  # certificates that are read at once


def interval_of(budget: BudgetSpec) -> int:
    """Number of proposals between certificates: the stop rule's, else 10, and 5 where a budget has at most 50 evaluations."""
    if budget.stop is not None:
        return budget.stop.interval
    return _EVERY_OF_FEW if budget.evaluations is not None and budget.evaluations <= _FEW_EVALUATIONS else EVERY


def is_due(rules: RoundRules, plan: Plan) -> bool:
    """Returns whether a certificate is drawn up at a proposal: at multiples of a number, once the initial design is known."""
    due = plan.number > rules.initial_count and plan.number % interval_of(rules.budget) == 0
    return due and len(plan.history.observed) > 0


def _searched(search: SearchState) -> int:
    """Number of proposals, without looks."""
    levels = search.pool.levels
    if levels is None:
        return len(search)
    return sum(int(levels.level[entry.position]) == len(levels.names) - 1 for entry in search.entries)


def draw_up(
    proposer: Proposer,
    search: SearchState,
    plan: Plan,
    rules: RoundRules,
    refit: Refit | None = None,
    before: Mapping[int, Certificate] = MappingProxyType({}),
) -> Certificate | None:
    """Computes a certificate from the model; None if the proposer has no model.

    Args:
        proposer: The model's owner.
        plan: The proposal that would be chosen next.
        rules: The plan of the round; its random numbers follow from the seed and the plan's number alone.
        refit: The last refit, if there was one.
        before: Earlier certificates by number, for a rule that looks at several.
    """
    if not isinstance(proposer, Certifier):
        return None
    rule, pool, rng = rules.budget.stop, search.pool, certificate_rng(rules.seed, plan.number)
    remaining = proposer.remaining(pool, plan.history, rng, (refit.hyperparameters or None) if refit is not None else None)
    confidence = CONFIDENCE if rule is None or rule.within is None else rule.probability
    together, apart = remaining.tolerances(confidence)
    by_system = len(apart) == len(pool.systems) > 1
    some = np.flatnonzero(np.isfinite(apart)).tolist() if by_system else []
    ahead = remaining.ahead
    drawn = Certificate(
        number=plan.number,
        horizon=plan.horizon,
        searched=_searched(search),
        results=plan.results,
        confidence=confidence,
        tolerance=_finite(together),
        tolerances=dict(zip(pool.systems, map(_finite, apart.tolist()), strict=True)) if by_system else {},
        known=_finite(remaining.tolerance_of(some, confidence)) if some and not np.isfinite(together) else None,
        estimate=remaining.estimate,
        stable=None if remaining.on_hull is None else _likeliest(search.pool, *remaining.on_hull),
        unit=rules.unit,
        words=rules.words,
        failed=len(of_wanted(pool, plan.history)[1].failed),
        outlook=None if ahead is None else outlook_of(ahead, search, plan, rules, refit),
        believed=_believed(remaining, search, plan, rules),
    )
    if rule is None:
        return drawn
    if rule.worth is not None:
        gain, price = parse_worth(rule.worth)
        rate = None if ahead is None else rate_of(ahead, search, plan, rules, refit, price)
        rates = (*_rates_before(before, drawn, rule.interval, price), rate)
        return _rated(drawn, gain, price, rates, OF_VOLUME if ahead is not None and ahead.volume else None)
    within = difference_in(rule.within or "", rules.unit)
    probability = float(np.prod(chances := remaining.probabilities(within)))
    return drawn.model_copy(
        update={
            "within": within,
            "probability": probability,
            "probabilities": dict(zip(pool.systems, chances.tolist(), strict=True)) if by_system else {},
            "stops": probability >= rule.probability,
        }
    )


def _believed(remaining: RemainingGain, search: SearchState, plan: Plan, rules: RoundRules) -> Believed | None:
    """The measured candidate that the model expects to be the best; None where that is the one with the best value."""
    history = plan.history
    if remaining.believed is None or search.pool.levels is not None:
        return None
    position, value = remaining.believed
    if position == history.observed[history.values.argmin()]:
        return None
    return Believed(candidate=str(search.pool.ids[position]), value=value if rules.direction == "minimize" else -value)


def _rated(drawn: Certificate, gain: str, price: Price, rates: Sequence[float | None], own: Unit | None) -> Certificate:
    """A certificate with what the next evaluation gains for its price, and whether the search stops because of it.

    Args:
        gain: That is asked for the price.
        own: Unit of gains; None: the objective's.
    """
    judged = drawn.model_copy(
        update={"worth": difference_in(gain, own or drawn.unit), "gained_in": own, "price": price, "rates": tuple(rates)}
    )
    return judged.model_copy(update={"stops": not judged.is_worth})


def _rates_before(
    before: Mapping[int, Certificate], last: Certificate, interval: int, price: Price
) -> tuple[float | None, ...]:
    """Rates at the checks before the last one, without a gap, as many as may count with it; of equal results one counts."""
    found: list[float | None] = []
    number, results = last.number, last.results
    while len(found) < IN_A_ROW - 1:
        number -= interval
        earlier = before.get(number)
        if earlier is None or earlier.price != price:
            break
        if not earlier.results or earlier.results != results:
            found.insert(0, earlier.rates[-1])
        results = earlier.results
    return tuple(found)


def still_stops(certificate: Certificate, rule: StopRuleSpec | None, unit: str, searched: int) -> bool:
    """Returns whether a search that was stopped stays so: under the rule as it now is, and while nothing was proposed since."""
    if rule is None or not certificate.stops or certificate.searched != searched:
        return False
    if rule.worth is not None:
        gain, price = parse_worth(rule.worth)
        now = certificate.model_copy(update={"worth": difference_in(gain, certificate.gained_in or unit)})
        return certificate.price == price and not now.is_worth
    return (
        certificate.within == difference_in(rule.within or "", unit)
        and certificate.probability is not None
        and certificate.probability >= rule.probability
    )


def stored_certificates(events: Iterable[Event]) -> list[Certificate]:
    """Certificates of a campaign's audit, in order.

    Raises:
        StoreError: One is damaged.
    """
    return [from_document(Certificate, event.data | {"_id": event.id}) for event in events if event.kind == CERTIFICATE]


def last_certificate(store: CampaignStore, name: str) -> Certificate | None:
    """Returns the last convergence certificate of a campaign; None before the first."""
    certificates = stored_certificates(store.events(name, kind=CERTIFICATE, limit=1))
    return certificates[-1] if certificates else None


def stopping(spec: CampaignSpec, events: Iterable[Event], searched: int) -> Certificate | None:
    """Returns the certificate that stopped the search and is still valid, None if the search continues."""
    unit, rule = spec.objective.unit, spec.budget.stop
    return next(
        (
            certificate
            for certificate in reversed(stored_certificates(events))
            if still_stops(certificate, rule, unit, searched)
        ),
        None,
    )


def recent_certificates(store: CampaignStore, spec: CampaignSpec, searched: int) -> list[Event]:
    """Reads the last certificates of a campaign, among them any that can still stop its search, or count with the next one.

    Args:
        searched: Number of proposals of its search; certificates of fewer cannot stop it any more.
    """
    limit = 1 if spec.budget.stop is None else _FEW
    while True:
        events = store.events(spec.name, kind=CERTIFICATE, limit=limit)
        if spec.budget.stop is None or len(events) < limit or stopping(spec, events, searched) is not None:
            return events
        known = stored_certificates(events)
        if known[0].searched < searched and len({item.results or str(item.number) for item in known}) >= IN_A_ROW:
            return events
        limit *= _FEW


def note_certificate(context: StepContext, plan: Plan) -> Certificate | None:
    """Computes a certificate for a plan, stores it and notifies the observer."""
    ledger, begun = context.ledger, time.perf_counter()
    refit = ledger.refits[-1] if ledger.refits else None
    certificate = draw_up(context.proposer, ledger.search, plan, context.rules, refit, ledger.checked)
    ledger.proposer_seconds += time.perf_counter() - begun
    if certificate is None:
        return None
    ledger.checked[certificate.number] = certificate
    # Under an id made of what it knows: drawn up again after a crash it is the same, and stored once.
    campaign = context.lease.campaign
    key = [campaign, CERTIFICATE, certificate.number, certificate.results, certificate.searched, certificate.within]
    key += [] if certificate.worth is None else [certificate.worth, certificate.price]
    context.store.append_event(
        Event(
            id=short_hash(key),
            campaign=campaign,
            kind=CERTIFICATE,
            at=datetime.now(UTC),
            data=certificate.model_dump(mode="json"),
        )
    )
    context.observer.on_certificate(certificate)
    return certificate


def note_final(context: StepContext) -> None:
    """The last certificate of a search that has ended, from all of its results."""
    ledger, rules = context.ledger, context.rules
    if not len(ledger.search) or not isinstance(context.proposer, Certifier):
        return
    last = ledger.search.entries[-1].number
    history = known_history(rules, ledger.search, last)
    if len(history.observed):
        note_certificate(context, Plan(last + 1, last, history, None))


def _likeliest(pool: CandidatePool, points: IntArray, probabilities: FloatArray) -> dict[str, float]:
    """Candidates that may be on the hull, the likeliest first, without those that hardly are."""
    order = np.argsort(-probabilities, kind="stable")[:_MOST_STABLE]
    likely = order[probabilities[order] >= _HARDLY]
    return dict(zip(pool.ids[points[likely]].tolist(), probabilities[likely].tolist(), strict=True))


def _finite(tolerance: float) -> float | None:
    return tolerance if np.isfinite(tolerance) else None

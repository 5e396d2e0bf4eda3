"""Convergence certificate: how much better than the best known candidate others may still be."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from tansaku.models.domain.outlook import Outlook
from tansaku.models.domain.records import Count, Record
from tansaku.models.domain.specs.objective import Price
from tansaku.models.domain.wording import SYSTEM_WORDS, counted, with_unit

_SHARP = 1e-6
"""A tolerance below this share of the barrier counts as zero."""

IN_A_ROW = 3
"""Checks in a row at which an evaluation must not be worth its price before the search stops."""

ENOUGH = 55
"""Results per system from which a probability of 95 % can be reached: the correction of the engine allows none with fewer."""

_FEW = 10
"""With fewer points, intervals of barriers contained the true one in 61 % of the searches of our benchmark."""


class Believed(Record):
    """The measured candidate that the model expects to be the best; single measurements scatter.

    Attributes:
        candidate: Its id.
        value: Expected value [the objective's unit].
    """

    candidate: str
    value: float


class Certificate(Record):
    """Possible improvement over the best known candidate at a proposal number; stored in the audit as an event.

    Attributes:
        number: Number of the next proposal when it was drawn up.
        horizon: Largest number whose result it knows.
        searched: Proposals of the search by then.
        results: Hash of the results that it knows; empty: it was stored before there was this field.
        confidence: Of the tolerances.
        tolerance: With that confidence nothing remains anywhere that is better by more than this; None: nothing is known yet.
        tolerances: The same by system; empty where the goal is one for all systems.
        known: If only some systems have an estimate: their tolerance, for all of them together.
        within: Tolerance of the stop rule [unit], None without a rule.
        probability: That nothing remains that is better by more than ``within``.
        probabilities: The same by system.
        estimate: Of the barrier, for the goal ``bottleneck``: the tolerances are how far it may be off. None: another goal, or
            nothing is known yet.
        stable: Probability of each candidate of being on the hull, the likeliest first, for the goal ``on_hull``: the tolerance
            is how far above the hull, with the confidence, each of those is at most that may be on it. None: another goal.
        unit: The objective's unit.
        stops: Whether the search stops on it.
        outlook: What the next evaluations are expected to gain; None: an evaluation gains no amount, or it was stored before.
        worth: Of a stop rule ``not_worth_it``: what an evaluation must gain at least for its price.
        gained_in: Unit of ``worth`` and ``rates``; None: the objective's.
        price: What that is paid with.
        rates: What the next evaluation was expected to gain at most for its price, at the last checks and at this one, each
            with other results; None: too little was known.
        words: What one of the systems is called, and several.
        failed: Candidates whose evaluation failed, of which nothing is said.
        believed: Of candidates with repeats or deviations the one that the model expects to be the best, where that is another
            one than the best value says.
    """

    number: Count
    horizon: Count
    searched: Count
    results: str = ""
    confidence: float
    tolerance: float | None
    tolerances: dict[str, float | None] = Field(default_factory=dict)
    known: float | None = None
    within: float | None = None
    probability: float | None = None
    probabilities: dict[str, float] = Field(default_factory=dict)
    estimate: float | None = None
    stable: dict[str, float] | None = None
    unit: str
    stops: bool = False
    outlook: Outlook | None = None
    worth: float | None = None
    gained_in: str | None = None
    price: Price | None = None
    rates: tuple[float | None, ...] = ()
    words: tuple[str, str] = SYSTEM_WORDS
    failed: Count = 0
    believed: Annotated[Believed | None, Field(exclude_if=lambda best: best is None)] = None

    @property
    def is_worth(self) -> bool:
        """Whether the next evaluation may be worth its price: unless it was not at this and the checks before."""
        low = [self.worth is not None and rate is not None and rate < self.worth for rate in self.rates]
        return not (len(low) >= IN_A_ROW and all(low))

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that it says, one part each; a certificate that says nothing is left out where there is more."""
        return self.further if self.further and self.says_nothing else (self.describe(), *self.further)

    @property
    def further(self) -> tuple[str, ...]:
        """The best by the model, the gain of the next evaluations, and whether one is worth its cost, in words."""
        return tuple(text for text in (self.best, self.ahead, self.rated) if text is not None)

    @property
    def best(self) -> str | None:
        """The measured candidate that the model expects to be the best, in words; None where the best value says the same."""
        if self.believed is None:
            return None
        value = with_unit(f"{self.believed.value:.4g}", self.unit)
        return f"Of the measured candidates the model expects {self.believed.candidate} to be the best, with {value}"

    @property
    def ahead(self) -> str | None:
        """Gain of the next evaluations, in words; None where nothing is said of it."""
        if self.outlook is not None and self.outlook.is_over and self.failed:
            return f"No candidate is left to evaluate but {self.failed} that failed"
        return None if self.outlook is None else self.outlook.describe()

    @property
    def rated(self) -> str | None:
        """Gain of the next evaluation for its price, in words; None without a stop rule that asks for it."""
        over = self.outlook is not None and self.outlook.is_over
        if self.worth is None or self.price is None or not self.rates or over:
            return None
        price, unit = "unit of cost" if self.price == "cost" else self.price.replace("_", "-"), self.gained_in or self.unit
        asked = f"{with_unit(f'{self.worth:.3g}', unit)} per {price}"
        if self.rates[-1] is None:
            return f"Whether the next evaluation is worth its cost is not known yet; the stop rule asks for {asked}"
        low = f"; the gain was less at {IN_A_ROW} checks in a row" if self.stops else ""
        most = with_unit(f"{self.rates[-1]:.2g}", unit)
        gains = "enlarge the front's volume by" if self.gained_in else "gain"
        return f"The next evaluation is expected to {gains} at most {most} per {price}; the stop rule asks for {asked}{low}"

    @property
    def says_nothing(self) -> bool:
        """Whether the certificate has no estimate for any system."""
        return self.tolerance is None and not any(tolerance is not None for tolerance in self.tolerances.values())

    @property
    def near(self) -> str:
        """The number of systems near their optimum with the confidence, or what is missing; empty for one estimate for all.

        Without a rule for stopping, the tolerance is a round number that at least half of the known ones keep.
        """
        known = sorted(tolerance for tolerance in self.tolerances.values() if tolerance is not None)
        if not self.tolerances:
            return ""
        if not known:
            return self._describe_unknown()
        within = self.within if self.within is not None else _rounded_up(known[len(known) // 2])
        count = sum(tolerance <= within for tolerance in known)
        distance = with_unit(f"{within:g}", self.unit)
        of = counted(len(self.tolerances), *self.words)
        return f"{count} of {of} within {distance} of the optimum ({100 * self.confidence:g} %)"

    def _describe_unknown(self) -> str:
        """The sentence where no system has an estimate."""
        each = self.searched // len(self.tolerances)
        more = f": there are {each} evaluations of each on average; about {ENOUGH} are needed" if each < ENOUGH else ""
        of = counted(len(self.tolerances), *self.words)
        sure = f"{100 * self.confidence:g} %"
        return f"It cannot be said with {sure} yet how close the best of each of the {of} is to its optimum{more}"

    def describe(self) -> str:
        """Describes the certificate in words; estimates that only some systems have are stated for these."""
        lost = f"; of {counted(self.failed, 'candidate')} that failed nothing is known"
        return self._describe() + (lost if self.failed and not self.says_nothing else "")

    def _describe(self) -> str:
        if self.tolerance is None:
            return self._describe_part()
        if self.stable is not None:
            return self._describe_hull(self.stable)
        if self.estimate is not None:
            if self.tolerance <= _SHARP * abs(self.estimate):
                return f"Barrier: {self.estimate:.3g} {self.unit}, certain over the grid: all posterior samples agree"
            stopped = f"; within {self.within:g} {self.unit} with {100 * self.probability:.0f} %" if self.probability else ""
            few = f" (fewer than {_FEW} points: often too narrow)" if self.searched < _FEW and not self.stops else ""
            return (
                f"Barrier ({100 * self.confidence:g} %): {self.estimate:.3g} ± {self.tolerance:.2g} {self.unit}{few}{stopped}"
            )
        said = f"nothing better by more than {with_unit(f'{self.tolerance:.3g}', self.unit)} remains"
        if self.within is None or self.probability is None:
            return f"Certificate ({100 * self.confidence:g} %): {said}"
        asked = f"nothing better by more than {with_unit(f'{self.within:g}', self.unit)} remains"
        asked = f"Certificate ({100 * self.probability:.0f} %): {asked}"
        return f"{asked} (certain)" if self.stops else f"{asked}; with {100 * self.confidence:g} %: {said}"

    def _describe_hull(self, stable: dict[str, float]) -> str:
        sure = sum(probability >= self.confidence for probability in stable.values())
        unsure = sum(1.0 - self.confidence < probability < self.confidence for probability in stable.values())
        said = f"Hull ({100 * self.confidence:g} %): {counted(sure, 'candidate')} stable, {unsure} undecided"
        near = f", each at most {with_unit(f'{self.tolerance or 0.0:.2g}', self.unit)} above it" if unsure else ""
        if self.within is None or self.probability is None:
            return said + near
        asked = f"within {with_unit(f'{self.within:g}', self.unit)} all are decided with {100 * self.probability:.0f} %"
        return f"{said}{near}; {asked}"

    def _describe_part(self) -> str:
        parts = [tolerance for tolerance in self.tolerances.values() if tolerance is not None]
        if not parts:
            return f"Certificate ({100 * self.confidence:g} %): not enough results to say what remains"
        # Certificates stored before ``known`` was kept hold a tolerance of each system by itself only.
        tolerance, each = (max(parts), " each") if self.known is None else (self.known, "")
        said = f"nothing better by more than {with_unit(f'{tolerance:.3g}', self.unit)} remains"
        of = f"{len(parts)} of {counted(len(self.tolerances), *self.words)}"
        return f"Certificate ({100 * self.confidence:g} %{each}): {of}: {said}"


def _rounded_up(number: float) -> float:
    """The next of 1, 2 and 5, times a power of ten; zero stays."""
    if number <= 0.0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(number))
    return next((float(f"{step * power:.1g}") for step in (1, 2, 5) if step * power >= number), float(f"{10 * power:.1g}"))

"""Expected gain of the next evaluations, or what is missing where that cannot be said yet."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log10, sqrt
from typing import Annotated

from pydantic import Field

from tansaku.models.domain.history import Entry
from tansaku.models.domain.records import Count, Record
from tansaku.models.domain.specs.objective import Direction
from tansaku.models.domain.wording import SYSTEM_WORDS, by_amount, counted, with_unit

NEEDED = 5
"""Results that each system must have before anything is said of its further gain."""

SURE = 0.9
"""Probability with which no system gains more than is said."""

CHANCE_SCALE = 1.0
"""Factor on a campaign's own scale, for chances. Learned on tables, see docs/results/stopping.md."""

GAIN_SCALE = 0.75
"""Factor on a campaign's own scale, for expected gains: the best that a sample holds is rarer than in the sample."""

FRONT_CHANCE_SCALE = 2.0
"""As ``CHANCE_SCALE``, for the volume of a front, of which fewer candidates are sampled and no choice follows from values."""

FRONT_GAIN_SCALE = 1.5
"""As ``GAIN_SCALE``, for the volume of a front."""

_FEWEST, _MOST = 5, 250
_SHARE = 0.1

_MODELLED = 5.0
_FARTHEST = 4.0


UNCLEAR = "unclear"
"""Key of a refit: whether its model predicts known values hardly better than their mean does."""


def next_count(evaluated: int, remaining: int | None, open_: int) -> int:
    """Number of the next evaluations about which something is said.

    A tenth of those so far, but at least five and at most 250; not more than the budget leaves, unless it leaves none.

    Args:
        evaluated: So far.
        remaining: That the budget leaves, None without a limit.
        open_: Candidates without a result.
    """
    count = min(max(_FEWEST, ceil(_SHARE * evaluated)), _MOST)
    return min(count, open_, remaining or count)


def surprises(entries: Sequence[Entry], up_to: int, direction: Direction) -> list[float]:
    """Returns how many predicted deviations each computed value lay above the mean expected when its candidate was chosen.

    Args:
        entries: Proposals so far.
        up_to: Largest number whose result may be known.
        direction: Of the objective; negative is always better than expected.
    """
    sign = 1.0 if direction == "minimize" else -1.0
    found = []
    for entry in entries:
        if entry.number > up_to or entry.value is None or entry.expected is None or entry.deviation:
            continue
        mean, deviation = entry.expected
        if deviation > 0.0:
            found.append(sign * (entry.value - mean) / deviation)
    return found


def own_scale(surprised: Sequence[float]) -> float:
    """Returns how wide a campaign's predictions should have been on their better side, in units of how wide they were.

    The root of twice the mean square of the surprises, worse ones counted as none: 1 for a right model. A model that expects
    far better candidates than exist has less. Each surprise counts up to four deviations, and five of a right model are added.

    Args:
        surprised: As :func:`surprises` returns them.
    """
    squares = sum(min(max(-value, 0.0), _FARTHEST) ** 2 for value in surprised)
    return sqrt((_MODELLED + 2.0 * squares) / (_MODELLED + len(surprised)))


class Outlook(Record):
    """Expected gain of the next evaluations.

    Attributes:
        evaluations: Their number; with ``short``, how many bring what is missing.
        systems: Systems that have an answer of their own; 1 where all have one together.
        rank: The next ones are compared with the candidate of this rank: 1, or k where the best k are wanted.
        gain: Expected, of all systems together [the objective's unit]; None: it cannot be said yet.
        most: With ``chance``, one system gains more than this [the objective's unit].
        chance: A tenth; less where not even any gain is that likely: ``most`` is 0 then, and the chance is rough.
        scale: Factor on the deviations of the model's samples.
        short: Systems with too few results, and how many these have.
        needed: Results that each system must have.
        unclear: Whether the model predicts hardly better than the mean of all values.
        equal: What all results have in common, in words, so that no model knows how much it may vary; empty: nothing.
        direction: Whether low or high values are wanted.
        unit: The objective's unit.
        threshold: Where all candidates on one side of it are wanted [the objective's unit]: ``gain`` and ``most`` are numbers
            of such candidates then.
        words: What one of the systems is called, and several.
        volume: Whether ``gain`` and ``most`` are shares by which the volume grows that a front dominates.
        hope: While no result counts: the probability that one of the next ones does.
        awaited: What a result that counts does, in words, such as ``keeps all limits``.
        unknown: Systems with too few results that count, so that there is none to compare the next ones with.
    """

    evaluations: Count
    systems: Count = 1
    rank: Count = 1
    gain: float | None = None
    most: float = 0.0
    chance: float = 0.0
    scale: float = 1.0
    short: dict[str, int] = Field(default_factory=dict)
    needed: Count = NEEDED
    unclear: bool = False
    equal: Annotated[str, Field(exclude_if=lambda what: not what)] = ""
    direction: Direction = "minimize"
    unit: str
    threshold: float | None = None
    words: tuple[str, str] = SYSTEM_WORDS
    volume: bool = False
    hope: float | None = None
    awaited: str = ""
    unknown: Count = 0

    @property
    def is_over(self) -> bool:
        """Whether no candidate is left that an evaluation could gain from."""
        known = not self.short and not self.unclear and not self.equal and self.hope is None and not self.unknown
        return known and (not self.evaluations or self.gain is None)

    def describe(self) -> str:
        """The outlook in words, a sentence without its full stop."""
        if self.short:
            return self._describe_missing()
        if self.equal:
            return (
                f"What further evaluations gain cannot be said yet: {self.equal} is the same in all results; "
                f"about {counted(self.evaluations, 'more evaluation')} will show whether it varies"
            )
        if self.unclear:
            return (
                "What further evaluations gain cannot be said yet: the model predicts values hardly better than their mean "
                f"does; about {counted(self.evaluations, 'more evaluation')} will show whether it learns"
            )
        if self.hope is not None:
            return self._describe_hope(self.hope)
        if self.gain is None and self.unknown:
            return f"What further evaluations gain cannot be said yet: {self._describe_unknown()}"
        if self.is_over or self.gain is None:
            return "Nothing more can be gained: no candidate is left to evaluate"
        if self.threshold is not None:
            return self._describe_found(self.gain, self.threshold)
        if self.volume:
            return self._describe_volume(self.gain)
        verb, rises = ("lower", "falls") if self.direction == "minimize" else ("raise", "rises")
        whose = f"the best of {counted(self.systems, *self.words)}" if self.systems > 1 else "the best"
        together = " in all" if self.systems > 1 else ""
        expected = f"{verb} {whose} by {by_amount(_amount(self.gain), self.unit)}{together}"
        it = "any" if self.systems > 1 else "it"
        if self.rank > 1:
            expected = f"bring one better than the worst of the best {self.rank} by {by_amount(_amount(self.gain), self.unit)}"
            it, rises = "it", "is better"
        by = f"{rises} by more than {by_amount(_amount(self.most), self.unit)}" if self.most else f"{rises} at all"
        said = f"{self._begun()} {expected}; chance that {it} {by}: {self._at_most}"
        return f"{said}; {self._describe_unknown()}" if self.unknown else said

    def _describe_unknown(self) -> str:
        few = "no result keeps" if self.rank == 1 else f"fewer than {self.rank} results keep"
        where = f" of {self.unknown} of {counted(self.systems, *self.words)}" if self.systems > 1 else ""
        return f"{few} all limits{where}"

    @property
    def _at_most(self) -> str:
        """The chance of more than ``most``; smaller ones are not known, they were about this size whatever the samples said."""
        return f"{'at most' if self.most else 'under'} {100 * (1 - SURE):.0f} %"

    def _describe_volume(self, gain: float) -> str:
        by = f"by more than {_amount(100 * self.most)} %" if self.most else "at all"
        expected = f"enlarge the volume that the front dominates by {_amount(100 * gain)} %"
        return f"{self._begun()} {expected}; chance that it grows {by}: {self._at_most}"

    def _describe_hope(self, hope: float) -> str:
        next_ = "the next evaluation" if self.evaluations == 1 else f"one of the next {self.evaluations:,} evaluations"
        chance = "under 1 %" if hope < 0.01 else "over 99 %" if hope > 0.99 else f"{100 * hope:.0f} %"
        return f"No result {self.awaited} yet; the models see a chance of {chance} that {next_} does"

    def _begun(self) -> str:
        more = "One more evaluation is" if self.evaluations == 1 else f"Another {counted(self.evaluations, 'evaluation')} are"
        return f"{more} expected to"

    def _describe_found(self, gain: float, threshold: float) -> str:
        # A search also looks elsewhere to learn, and then finds fewer.
        who = "The likeliest candidate is" if self.evaluations == 1 else f"The {self.evaluations:,} likeliest candidates are"
        side = "below" if self.direction == "minimize" else "above"
        found = f"{who} expected to hold {_amount(gain)} more {side} {with_unit(f'{threshold:.4g}', self.unit)}"
        most = f"more than {self.most:.0f}" if self.most else "any"
        return f"{found}; chance of {most}: {self._at_most}"

    def _describe_missing(self) -> str:
        low, high = min(self.short.values()), max(self.short.values())
        have = str(low) if low == high else f"{low} to {high}"
        more = f"about {counted(self.evaluations, 'more evaluation')}"
        begun = "It is too early to say what further evaluations gain:"
        if self.systems == 1:
            are = "is" if self.needed == 1 else "are"
            return f"{begun} {counted(self.needed, 'result')} {are} needed, and there are {have}; {more}"
        has = "has" if len(self.short) == 1 else "have"
        short = f"{len(self.short)} of {self.systems} {has} only {have}"
        return f"{begun} each {self.words[0]} needs {counted(self.needed, 'result')}, and {short}; {more}"


def _amount(value: float) -> str:
    """A gain in two digits; zero where it is nothing."""
    if value <= 0.0:
        return "0"
    return f"{round(value, 1 - int(log10(value) // 1)):.12g}" if 1e-4 < value < 1e6 else f"{value:.2g}"


def missing(
    counts: dict[str, tuple[int, int]],
    *,
    direction: Direction,
    unit: str,
    words: tuple[str, str] = SYSTEM_WORDS,
    rank: int = 1,
) -> Outlook | None:
    """Returns what is missing before anything can be said; None: nothing.

    Args:
        counts: Results and open candidates of each system, or of the whole search.
        words: What one of the systems is called, and several.
        rank: The next ones are compared with the candidate of this rank.
    """
    needed = max(NEEDED, rank)
    short = {name: have for name, (have, open_) in counts.items() if open_ and have < min(needed, have + open_)}
    if not short:
        return None
    lacking = sum(min(needed - have, counts[name][1]) for name, have in short.items())
    return Outlook(
        evaluations=lacking,
        systems=len(counts),
        short=short,
        needed=min(needed, max(have + open_ for have, open_ in counts.values())),
        rank=rank,
        direction=direction,
        unit=unit,
        words=words,
    )

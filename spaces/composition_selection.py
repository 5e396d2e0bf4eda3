"""Selection of candidates from ions on sites by charge balance, exclusions, rules and symmetry, with numbers removed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tansaku.calculators.structures.parent import Parent
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import HYDROXIDE, Ion
from tansaku.spaces.composition_rules import Rule


@dataclass(frozen=True)
class Composition:
    """One candidate.

    Attributes:
        id: Labels of the ions on the substituted sites, in order of the sites' names, e.g. ``Li-V3-P5-F``.
        ions: Ion of each site of the parent.
        marks: Why it is unlikely; empty without such reasons.
    """

    id: str
    ions: Mapping[str, Ion]
    marks: tuple[str, ...]


@dataclass(frozen=True)
class CensusLine:
    """The effect of a rule.

    Attributes:
        rule: The rule in words.
        left_out: Combinations that it excludes; each is counted for the first rule that it breaks.
        marked: Candidates that it marks as unlikely; one candidate may have several marks.
        left: Combinations left after it.
    """

    rule: str
    left_out: int
    marked: int
    left: int


@dataclass(frozen=True)
class Selection:
    """Candidates in ascending order of their ids, and the census."""

    candidates: tuple[Composition, ...]
    census: tuple[CensusLine, ...]


def select(
    parent: Parent, ions: Mapping[str, Sequence[Ion]], rules: Sequence[Rule], permutations: Sequence[Mapping[str, str]]
) -> Selection:
    """Lists the candidates.

    Args:
        parent: The structure.
        ions: Candidate ions of the sites that are substituted; the others keep the parent's.
        rules: In the order in which they are applied, after the charges.
        permutations: Exchanges of sites that are symmetries of the parent; empty: nothing is folded.

    Raises:
        ConfigurationError: There are too many combinations, or none is left.
    """
    names = sorted(ions)
    total = math.prod(len(ions[name]) for name in names)
    everything = [
        Composition(_identity(chosen), {**parent.ions, **dict(zip(names, chosen, strict=True))}, ())
        for chosen in itertools.product(*(ions[name] for name in names))
    ]
    charges = [_charge(parent, composition.ions) for composition in everything]
    left = [composition for composition, charge in zip(everything, charges, strict=True) if charge == 0]
    if not left:
        least = min(charges, key=abs)
        raise ConfigurationError(
            f"space.sites: none of {total} combinations is neutral, the nearest has {least:+d} per cell; expected 0",
            hint="the charges of all atoms of the cell are added; sites that are not named keep the parent's ions",
        )
    census = [
        CensusLine("all combinations of ions", 0, 0, total),
        CensusLine("charge balance", total - len(left), 0, len(left)),
    ]
    for rule in rules:
        objections = [rule.objection(composition.ions) for composition in left]
        broken = sum(objection is not None for objection in objections)
        if rule.marks:
            left = [
                composition if why is None else _marked(composition, why)
                for composition, why in zip(left, objections, strict=True)
            ]
        else:
            left = [composition for composition, why in zip(left, objections, strict=True) if why is None]
        census.append(CensusLine(rule.name, 0 if rule.marks else broken, broken if rule.marks else 0, len(left)))
    if len(permutations) > 1:
        before = len(left)
        left = _folded(left, permutations)
        census.append(CensusLine("duplicates by symmetry of the parent", before - len(left), 0, len(left)))
    if not left:
        worst = max(census, key=lambda line: line.left_out)
        raise ConfigurationError(
            f"space: no candidate remains of {total} combinations; {worst.left_out} were excluded by '{worst.rule}'",
            hint="check space.sites, space.exclude and space.rules",
        )
    return Selection(tuple(sorted(left, key=lambda composition: composition.id)), tuple(census))


def formula(parent: Parent, ions: Mapping[str, Ion]) -> str:
    """Reduced formula: cations in order of their sites' names, then anions, the most frequent first (``LiVPO4F``)."""
    counts = parent.multiplicity
    divisor = math.gcd(*counts.values())
    order = sorted(counts, key=lambda site: (site,) if ions[site].charge > 0 else ("~", -counts[site], site))
    parts: dict[str, int] = {}
    for site in order:
        parts[ions[site].symbol] = parts.get(ions[site].symbol, 0) + counts[site] // divisor
    return "".join(_part(symbol, count) for symbol, count in parts.items())


def _part(symbol: str, count: int) -> str:
    if symbol == HYDROXIDE.symbol:
        return "(OH)" if count == 1 else f"(OH){count}"
    return symbol if count == 1 else f"{symbol}{count}"


def _identity(ions: Sequence[Ion]) -> str:
    return "-".join(ion.label for ion in ions)


def _charge(parent: Parent, ions: Mapping[str, Ion]) -> int:
    return sum(count * ions[site].charge for site, count in parent.multiplicity.items())


def _marked(composition: Composition, why: str) -> Composition:
    return Composition(composition.id, composition.ions, (*composition.marks, why))


def _folded(candidates: Sequence[Composition], permutations: Sequence[Mapping[str, str]]) -> list[Composition]:
    """Keeps the first by id of candidates that a permutation maps onto each other."""
    kept: dict[tuple[tuple[str, Ion], ...], Composition] = {}
    for composition in sorted(candidates, key=lambda candidate: candidate.id):
        images = [
            tuple(sorted((permutation[site], ion) for site, ion in composition.ions.items())) for permutation in permutations
        ]
        kept.setdefault(min(images), composition)
    return list(kept.values())

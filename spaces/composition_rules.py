"""Rules that a combination of ions must satisfy: one small class each, found by the ``type`` of its spec."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tansaku.calculators.structures.ion_data import electronegativity, ionic_radius
from tansaku.calculators.structures.parent import Parent
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion
from tansaku.models.domain.specs.composition import (
    CombinationSpec,
    DistinctElementsRuleSpec,
    ElectronegativityRuleSpec,
    RadiusRatioRuleSpec,
    RadiusRuleSpec,
    RuleSpec,
    ToleranceFactorRuleSpec,
)
from tansaku.models.domain.wording import first_twice

Composition = Mapping[str, Ion]
"""Ion of each site of the parent."""


class Rule(Protocol):
    """A rule that a combination must satisfy.

    ``name`` is shown in the census of ``tansaku check``, ``marks`` says whether a combination that breaks the rule stays in.
    """

    @property
    def name(self) -> str:
        """The rule in one line."""
        ...

    @property
    def marks(self) -> bool:
        """Whether a combination that breaks the rule is marked and not left out."""
        ...

    def objection(self, ions: Composition) -> str | None:
        """The reason why a combination breaks the rule; None if it satisfies the rule."""
        ...


@dataclass(frozen=True)
class Combination:
    """A combination that is excluded or marked by name."""

    spec: CombinationSpec
    marks: bool

    @property
    def name(self) -> str:
        """The sites, their ions and the reason."""
        parts = ", ".join(f"{site} = {' or '.join(ions)}" for site, ions in self.spec.ions.items())
        return f"{parts}: {self.spec.reason}"

    def objection(self, ions: Composition) -> str | None:
        """The reason, when each site named has one of the ions named."""
        return self.spec.reason if all(str(ions[site]) in named for site, named in self.spec.ions.items()) else None


@dataclass(frozen=True)
class _OfSpec:
    parent: Parent
    spec: Any

    @property
    def marks(self) -> bool:
        """Whether combinations that break the rule stay in the space, marked."""
        return bool(self.spec.action == "mark")


@dataclass(frozen=True)
class Electronegativity(_OfSpec):
    """Cations must be less electronegative than anions, as in SMACT's test (https://doi.org/10.1016/j.chempr.2016.09.010)."""

    spec: ElectronegativityRuleSpec

    @property
    def name(self) -> str:
        """The rule."""
        return f"electronegativity: cations at least {self.spec.gap:g} below anions"

    def objection(self, ions: Composition) -> str | None:
        """Names the closest cation and anion."""
        cation = max((ion for ion in ions.values() if ion.charge > 0), key=electronegativity, default=None)
        anion = min((ion for ion in ions.values() if ion.charge < 0), key=electronegativity, default=None)
        if cation is None or anion is None:
            return None
        gap = electronegativity(anion) - electronegativity(cation)
        # A rule without a gap refuses equals; one with a gap accepts exactly that.
        if gap > self.spec.gap or (self.spec.gap > 0 and math.isclose(gap, self.spec.gap)):
            return None
        return f"{cation} is only {gap:.2f} less electronegative than {anion}"


@dataclass(frozen=True)
class Radius(_OfSpec):
    """The radius of a site's ion must lie in a window."""

    spec: RadiusRuleSpec

    @property
    def name(self) -> str:
        """The rule."""
        return f"radius on {self.spec.site}: {self.spec.minimum:g} to {self.spec.maximum:g} Å"

    def objection(self, ions: Composition) -> str | None:
        """Gives the radius."""
        ion = ions[self.spec.site]
        radius = ionic_radius(ion, self.parent.coordination(self.spec.site))
        return None if self.spec.minimum <= radius <= self.spec.maximum else f"{ion} on {self.spec.site} has {radius:.3f} Å"


@dataclass(frozen=True)
class RadiusRatio(_OfSpec):
    """The ratio of two radii must lie in a window."""

    spec: RadiusRatioRuleSpec

    @property
    def name(self) -> str:
        """The rule."""
        return f"radius of {self.spec.cation} over {self.spec.anion}: {self.spec.minimum:g} to {self.spec.maximum:g}"

    def objection(self, ions: Composition) -> str | None:
        """Gives the ratio."""
        sites = (self.spec.cation, self.spec.anion)
        above, below = (ionic_radius(ions[site], self.parent.coordination(site)) for site in sites)
        ratio = above / below
        if self.spec.minimum <= ratio <= self.spec.maximum:
            return None
        return f"{ions[self.spec.cation]} over {ions[self.spec.anion]} has {ratio:.3f}"


@dataclass(frozen=True)
class ToleranceFactor(_OfSpec):
    """Goldschmidt's factor must lie in a window (https://doi.org/10.1007/BF01507527)."""

    spec: ToleranceFactorRuleSpec

    @property
    def name(self) -> str:
        """The rule."""
        return (
            f"tolerance factor of {self.spec.a}, {self.spec.b}, {self.spec.x}: {self.spec.minimum:g} to {self.spec.maximum:g}"
        )

    def objection(self, ions: Composition) -> str | None:
        """Gives the factor."""
        sites = (self.spec.a, self.spec.b, self.spec.x)
        a, b, x = (ionic_radius(ions[site], self.parent.coordination(site)) for site in sites)
        factor = (a + x) / (math.sqrt(2.0) * (b + x))
        return None if self.spec.minimum <= factor <= self.spec.maximum else f"factor {factor:.3f}"


@dataclass(frozen=True)
class DistinctElements(_OfSpec):
    """No element may be on two sites."""

    spec: DistinctElementsRuleSpec

    @property
    def name(self) -> str:
        """The rule."""
        return f"distinct elements on {', '.join(self.spec.sites)}"

    def objection(self, ions: Composition) -> str | None:
        """Names the element."""
        twice = first_twice([ions[site].element for site in self.spec.sites])
        return None if twice is None else f"{twice} stands on two sites"


RULES: Mapping[str, Callable[[Parent, Any], Rule]] = {
    "electronegativity": Electronegativity,
    "radius": Radius,
    "radius_ratio": RadiusRatio,
    "tolerance_factor": ToleranceFactor,
    "distinct_elements": DistinctElements,
}
"""A rule by the ``type`` of its spec; a new one is a spec class, a class here and a line here."""

_SITE_KEYS = ("site", "cation", "anion", "a", "b", "x", "sites")


def build_rules(specs: Sequence[RuleSpec], parent: Parent) -> tuple[Rule, ...]:
    """Rules in the order given.

    Raises:
        ConfigurationError: A rule names a site that the parent does not have, or its window is empty.
    """
    rules = []
    for index, spec in enumerate(specs):
        for key in _SITE_KEYS:
            named = getattr(spec, key, ())
            for site in (named,) if isinstance(named, str) else named:
                require_site(site, parent, f"space.rules[{index}].{key}")
        low, high = getattr(spec, "minimum", 0.0), getattr(spec, "maximum", 1.0)
        if low > high:
            raise ConfigurationError(f"space.rules[{index}]: minimum {low:g}, maximum {high:g}; expected minimum <= maximum")
        rules.append(RULES[spec.type](parent, spec))
    return tuple(rules)


def build_combinations(specs: Sequence[CombinationSpec], parent: Parent, key: str) -> tuple[Combination, ...]:
    """Exclusions (``key`` ``exclude``) or marks (``mark``).

    Raises:
        ConfigurationError: One names a site that the parent does not have.
    """
    for index, spec in enumerate(specs):
        for site in spec.ions:
            require_site(site, parent, f"space.{key}[{index}].ions")
    return tuple(Combination(spec, marks=key == "mark") for spec in specs)


def require_site(site: str, parent: Parent, key: str) -> str:
    """Returns ``site`` if the parent has it.

    Raises:
        ConfigurationError: It has not.
    """
    if site not in parent.multiplicity:
        raise ConfigurationError(f"{key}: no site {site!r}; expected one of {', '.join(parent.multiplicity)}")
    return site

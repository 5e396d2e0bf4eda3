"""Several campaigns side by side: their best values, the keys in which their specs differ, and the best of each system."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from math import isclose

from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import JsonDict, Record
from tansaku.tasks.read.views.aim import quantity_name
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.evaluation_table import Series, best_series, improvements
from tansaku.tasks.read.views.proposals import system_lines
from tansaku.tasks.read.views.readings import CampaignLine, campaign_line

MOST_CAMPAIGNS = 8
_ALIKE = 1e-5
_MOST_DIFFERENCES = 200
_MOST_SYSTEMS = 200
_LONGEST = 200


class Difference(Record):
    """A key whose value differs.

    Attributes:
        key: Its path with dots.
        values: As text, of each campaign; None: it lacks the key.
    """

    key: str
    values: tuple[str | None, ...]


class SystemBest(Record):
    """The best values of a system.

    Attributes:
        label: Its name as people know it; empty: there is no other.
        values: Best of the search of each campaign; None: none yet.
        relaxed: Best of its final relaxation; None: it had none.
        evaluations: Of each campaign.
    """

    system: str
    label: str = ""
    values: tuple[float | None, ...]
    relaxed: tuple[float | None, ...] = ()
    evaluations: tuple[int, ...]


class Comparison(Record):
    """Campaigns side by side; lists have one entry for each campaign.

    Attributes:
        unit: Of all values.
        quantity: Name of the values in words.
        series: Best value so far against evaluations and cost.
        reached: Number of evaluations after which each has its best value; None: it has none.
        leading: Names of the campaigns with the best value of all, as far as pages show its digits: of the final relaxation if
            each has one, else of the search.
        cost_unit: Of all costs; None: it is unknown, or they differ, and costs are not compared.
        differences: Keys of the specs whose values differ, in the order of the specs.
        systems: By name, at most 200.
    """

    unit: str
    quantity: str
    campaigns: tuple[CampaignLine, ...]
    series: tuple[Series, ...]
    reached: tuple[int | None, ...]
    leading: tuple[str, ...]
    cost_unit: str | None
    differences: tuple[Difference, ...]
    systems: tuple[SystemBest, ...]


def compared(readings: Sequence[Campaign]) -> Comparison:
    """Compares campaigns.

    Args:
        readings: At least two.

    Raises:
        FieldError: They measure in different units, or one wants low and another one high values.
    """
    _check_alike(readings)
    first = readings[0]
    series = tuple(best_series(reading) for reading in readings)
    names = {quantity_name(reading.spec) for reading in readings}
    costs = {known.cost_unit for known in series}
    lines = tuple(campaign_line(reading) for reading in readings)
    return Comparison(
        unit=first.spec.objective.unit,
        quantity=names.pop() if len(names) == 1 else first.value_key,
        campaigns=lines,
        series=series,
        reached=tuple(_reached(known) for known in series),
        leading=leading(lines, first.sign),
        cost_unit=costs.pop() if len(costs) == 1 else None,
        differences=_differences([reading.record.spec for reading in readings]),
        systems=_systems(readings),
    )


def leading(lines: Sequence[CampaignLine], sign: float) -> tuple[str, ...]:
    """Names of the campaigns with the best value; ``sign`` is -1 where high values are wanted."""
    relaxed = {line.name: line.relaxed.value for line in lines if line.relaxed is not None}
    searched = {line.name: line.best for line in lines if line.best is not None}
    values = {name: sign * value for name, value in (relaxed if len(relaxed) == len(lines) else searched).items()}
    best = min(values.values(), default=None)
    # Values that pages show by the same digits are equally good.
    return tuple(name for name, value in values.items() if best is not None and isclose(value, best, rel_tol=_ALIKE))


def _reached(series: Series) -> int | None:
    """Number of evaluations after which a curve has its last value."""
    rows = improvements(series, 1)
    return rows[0][0] if rows else None


def _check_alike(readings: Sequence[Campaign]) -> None:
    for what in ("unit", "direction"):
        values = {reading.record.name: getattr(reading.spec.objective, what) for reading in readings}
        if len(set(values.values())) > 1:
            said = ", ".join(f"{name}: {value}" for name, value in values.items())
            raise FieldError("name", f"campaigns of one objective.{what} can be compared; these have {said}")


def _differences(specs: Sequence[JsonDict]) -> tuple[Difference, ...]:
    flat = [dict(_flat(spec, "")) for spec in specs]
    keys = dict.fromkeys(key for known in flat for key in known)
    rows = ((key, tuple(known.get(key) for known in flat)) for key in keys if key != "name")
    return tuple(Difference(key=key, values=values) for key, values in rows if len(set(values)) > 1)[:_MOST_DIFFERENCES]


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Keys of a document with dots, and their values as text; a key without a value counts as missing."""
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _flat(part, f"{path}.{key}".strip("."))
    elif value is not None:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield path, text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _systems(readings: Sequence[Campaign]) -> tuple[SystemBest, ...]:
    lines = [{line.system: line for line in system_lines(reading)} for reading in readings]
    names = sorted({name for known in lines for name in known})
    labels = {name: line.label for known in lines for name, line in known.items() if line.label != name}
    return tuple(
        SystemBest(
            system=name,
            label=labels.get(name, ""),
            values=tuple(known[name].best if name in known else None for known in lines),
            relaxed=tuple(known[name].relaxed if name in known else None for known in lines),
            evaluations=tuple(known[name].evaluations if name in known else 0 for known in lines),
        )
        for name in names[:_MOST_SYSTEMS]
    )

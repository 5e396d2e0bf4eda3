"""Provenance of one value as a graph: what it was computed from and by, which model proposed it, where it was adopted from.

The graph is written as PROV-JSON, https://www.w3.org/submissions/prov-json/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tansaku.models.domain.adoption import adopted_from
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.measurements import Measurement, measurements_of
from tansaku.models.domain.records import Evaluation, JsonDict, Outcome, Provenance
from tansaku.models.domain.specs.energy_space import ENERGY_PER_ATOM
from tansaku.models.domain.wording import significant, with_unit
from tansaku.tasks.read.views.campaign import Campaign

NodeKind = Literal["entity", "activity", "agent"]
Relation = Literal["wasGeneratedBy", "used", "wasAssociatedWith", "wasDerivedFrom"]

_ENDS: dict[Relation, tuple[str, str]] = {
    "wasGeneratedBy": ("prov:entity", "prov:activity"),
    "used": ("prov:activity", "prov:entity"),
    "wasAssociatedWith": ("prov:activity", "prov:agent"),
    "wasDerivedFrom": ("prov:generatedEntity", "prov:usedEntity"),
}
_SPACE = "tansaku"
_REFERRED = frozenset({"formation_energy", "energy_above_hull"})


@dataclass(frozen=True)
class Node:
    """Something that took part.

    Attributes:
        name: Unique in the graph.
        kind: ``entity``, ``activity`` or ``agent`` of PROV.
        label: In words, at most a few.
        facts: Further facts by name.
    """

    name: str
    kind: NodeKind
    label: str
    facts: JsonDict = field(default_factory=dict)


@dataclass
class Graph:
    """Provenance of a value.

    Attributes:
        value: Node of the value.
        nodes: By name.
        edges: Relations between two nodes; the second one came first.
    """

    value: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[Relation, str, str]] = field(default_factory=list)

    def add(self, name: str, kind: NodeKind, label: str, **facts: object) -> str:
        """Adds a node, without the facts that are empty or None; returns its name."""
        self.nodes[name] = Node(name, kind, label, {key: fact for key, fact in facts.items() if fact not in (None, "", {})})
        return name

    def relate(self, relation: Relation, after: str, before: str) -> None:
        """Adds a relation of two nodes."""
        self.edges.append((relation, after, before))

    def prov_json(self) -> JsonDict:
        """The graph as PROV-JSON; facts that are no plain value are JSON texts."""
        found: JsonDict = {"prefix": {_SPACE: "urn:tansaku:"}}
        for node in self.nodes.values():
            times = {"started": "prov:startTime", "ended": "prov:endTime"} if node.kind == "activity" else {}
            facts = {times.get(key, f"{_SPACE}:{key}"): _plain(fact) for key, fact in node.facts.items()}
            found.setdefault(node.kind, {})[f"{_SPACE}:{node.name}"] = {"prov:label": node.label, **facts}
        for number, (relation, after, before) in enumerate(self.edges, start=1):
            first, second = _ENDS[relation]
            ends = {first: f"{_SPACE}:{after}", second: f"{_SPACE}:{before}"}
            found.setdefault(relation, {})[f"_:r{number}"] = ends
        return found


def _plain(fact: object) -> object:
    return fact if isinstance(fact, str | int | float) else json.dumps(fact, sort_keys=True)


def value_provenance(data: Campaign, candidate: str) -> Graph:
    """Provenance of the last value of a candidate, that of the final relaxation where there is one.

    Raises:
        NotFoundError: The candidate has no value.
    """
    done = _values_of(data, candidate)
    if not done:
        raise NotFoundError(f"campaign {data.record.name!r} has no value of candidate {candidate!r}")
    return evaluation_provenance(data, done[-1])


def evaluation_provenance(data: Campaign, evaluation: Evaluation) -> Graph:
    """Provenance of the value of an evaluation.

    Raises:
        NotFoundError: It has no value.
    """
    outcome, number = _outcome_of(evaluation), evaluation.proposal.number
    if outcome is None:
        raise NotFoundError(f"evaluation {number} of campaign {data.record.name!r} has no value")
    candidate, unit = evaluation.proposal.candidate, data.spec.unit_at(evaluation.proposal.level)
    graph = Graph(f"value-{number}")
    quantities = {name: f"{quantity.value!r} {quantity.unit}" for name, quantity in outcome.quantities.items()}
    label = with_unit(significant(outcome.value or 0.0), unit)
    graph.add(graph.value, "entity", label, value=outcome.value, unit=unit, candidate=candidate, **quantities)
    doing = _add_computation(graph, data, evaluation, outcome)
    if evaluation.proposal.purpose == "polish":
        for before in [item for item in _values_of(data, candidate) if item.proposal.number < number][-1:]:
            _add_searched(graph, before, unit)
    _add_choice(graph, data, evaluation, doing)
    return graph


def _values_of(data: Campaign, candidate: str) -> list[Evaluation]:
    """Evaluations of a candidate that have a value, in proposal order."""
    return [item for item in data.evaluations if item.proposal.candidate == candidate and _outcome_of(item) is not None]


def _outcome_of(evaluation: Evaluation) -> Outcome | None:
    outcome = evaluation.outcome
    return outcome if outcome is not None and outcome.value is not None else None


def _add_computation(graph: Graph, data: Campaign, evaluation: Evaluation, outcome: Outcome) -> str:
    """Adds what produced the value, with what went in and what else came out; returns it.

    It is a calculation, a prediction or an adoption.
    """
    record, origin, source = data.record, adopted_from(evaluation), outcome.provenance
    kind = "adoption" if origin is not None else "prediction" if outcome.predicted_by is not None else "evaluation"
    doing = graph.add(
        f"{kind}-{evaluation.proposal.number}",
        "activity",
        kind,
        started=None if outcome.started_at is None else outcome.started_at.isoformat(),
        ended=None if outcome.finished_at is None else outcome.finished_at.isoformat(),
        attempts=len(evaluation.attempts),
        core_seconds=outcome.core_seconds,
        host=None if source is None else source.host,
        cpu=None if source is None else source.cpu,
    )
    graph.relate("wasGeneratedBy", graph.value, doing)
    for place, (name, sha256) in enumerate(sorted(outcome.artifacts.items()), start=1):
        file = graph.add(f"file-{place}", "entity", name, sha256=sha256)
        graph.relate("wasGeneratedBy", file, doing)
    spec = graph.add(
        "spec",
        "entity",
        f"campaign {record.name}",
        hash=record.spec_hash,
        created=record.created_at.isoformat(),
        seed=data.spec.seed,
    )
    graph.relate("used", doing, spec)
    for place, (key, sha256) in enumerate(_hashed(record.spec), start=1):
        graph.relate("used", doing, graph.add(f"input-{place}", "entity", key, sha256=sha256))
    _add_measurements(graph, doing, measurements_of(evaluation), data.spec.unit_at(evaluation.proposal.level))
    if outcome.quantities.keys() & _REFERRED and evaluation.proposal.purpose != "reference":
        _add_elements(graph, data, doing)
    if origin is not None:
        before = graph.add("origin", "entity", origin.describe(), **origin.model_dump(mode="json"))
        graph.relate("used", doing, before)
        graph.relate("wasDerivedFrom", graph.value, before)
    if outcome.predicted_by is not None:
        graph.relate("used", doing, graph.add("predictor", "entity", outcome.predicted_by))
    if source is not None:
        _add_source(graph, doing, source)
    return doing


def _hashed(spec: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Keys and hashes of the files that a stored spec names, but the calculator's, which the result has."""
    if isinstance(spec, Mapping):
        for name, part in spec.items():
            below = f"{key}.{name}".lstrip(".")
            if name.endswith("sha256") and isinstance(part, str):
                yield below.removesuffix("sha256").rstrip("._"), part
            elif name == "hashes" and isinstance(part, Sequence):
                yield from ((f"{key}, file {place}", str(item)) for place, item in enumerate(part, start=1))
            elif below != "calculator":
                yield from _hashed(part, below)
    elif isinstance(spec, list | tuple):
        for place, part in enumerate(spec):
            yield from _hashed(part, f"{key}[{place}]")


def _add_measurements(graph: Graph, doing: str, reported: Sequence[Measurement], unit: str) -> None:
    """Adds the measurements that were reported, and who reported them."""
    for place, given in enumerate(reported, start=1):
        label = given.failed or f"measured: {with_unit(significant(given.value or 0.0), unit)}"
        facts = {"value": given.value, "deviation": given.deviation, "note": given.note, "report": given.id}
        at = None if given.at is None else given.at.isoformat()
        name = graph.add(f"measurement-{place}", "entity", label, **facts, reported=at)
        graph.relate("used", doing, name)
        graph.relate("wasDerivedFrom", graph.value, name)
    for place, user in enumerate(sorted({given.user for given in reported} - {""}), start=1):
        graph.relate("wasAssociatedWith", doing, graph.add(f"reporter-{place}", "agent", user))


def _add_elements(graph: Graph, data: Campaign, doing: str) -> None:
    """Adds the energies of elements, computed by the campaign, to which its formation energies refer."""
    for element in data.references:
        found = None if element.outcome is None else element.outcome.quantities.get(ENERGY_PER_ATOM)
        if found is not None:
            name, number = element.proposal.candidate, element.proposal.number
            label = f"{name}: {significant(found.value)} {found.unit}"
            graph.add(f"value-{number}", "entity", label, value=found.value, unit=found.unit, evaluation=element.id)
            graph.relate("used", doing, f"value-{number}")
            graph.relate("wasDerivedFrom", graph.value, f"value-{number}")


def _add_source(graph: Graph, doing: str, source: Provenance) -> None:
    """Adds the code, the model that it used, tansaku and plug-ins."""
    code = f"{source.code} {source.code_version}"
    graph.relate("wasAssociatedWith", doing, graph.add("code", "agent", code, version=source.code_version))
    if source.model or source.settings:
        label = source.model or "settings"
        used = graph.add("calculator", "entity", label, sha256=source.model_sha256, settings=dict(source.settings))
        graph.relate("used", doing, used)
    if source.tansaku_version:
        graph.relate("wasAssociatedWith", doing, graph.add("tansaku", "agent", f"tansaku {source.tansaku_version}"))
    for place, plugin in enumerate(source.plugins, start=1):
        graph.relate("wasAssociatedWith", doing, graph.add(f"plugin-{place}", "agent", plugin))


def _add_searched(graph: Graph, before: Evaluation, unit: str) -> None:
    """Adds the value of the search from whose structure the final relaxation began."""
    value = (_outcome_of(before) or Outcome()).value or 0.0
    name = graph.add(f"value-{before.proposal.number}", "entity", f"{significant(value)} {unit} in the search", value=value)
    graph.relate("wasDerivedFrom", graph.value, name)


def _add_choice(graph: Graph, data: Campaign, evaluation: Evaluation, doing: str) -> None:
    """Adds how the candidate came to be proposed.

    Args:
        doing: The node of what produced its value.
    """
    proposal = evaluation.proposal
    candidate = graph.add("candidate", "entity", proposal.candidate, system=proposal.system, source=proposal.source)
    graph.relate("used", doing, candidate)
    choice = graph.add(
        "choice",
        "activity",
        f"proposal {proposal.number}",
        ended=evaluation.proposed_at.isoformat(),
        acquisition=proposal.acquisition,
        predicted_mean=proposal.predicted_mean,
        predicted_deviation=proposal.predicted_deviation,
        initial="initial design" if proposal.initial else None,
    )
    graph.relate("wasGeneratedBy", candidate, choice)
    graph.relate("wasAssociatedWith", choice, graph.add("proposer", "agent", proposal.model))
    graph.relate("used", choice, "spec")
    if proposal.horizon:
        seen = graph.add("observations", "entity", f"results up to proposal {proposal.horizon}", horizon=proposal.horizon)
        graph.relate("used", choice, seen)
    refit = next((item for item in data.refits if item.number == proposal.refit), None)
    if refit is not None:
        fitted = graph.add("refit", "entity", f"fit {refit.number}", fitted=refit.fitted_at.isoformat())
        graph.relate("used", choice, fitted)
    if proposal.look is not None:
        seen = graph.add("look", "entity", proposal.look.model, sha256=proposal.look.weights)
        graph.relate("used", doing, seen)


def columns_of_graph(graph: Graph) -> list[list[Node]]:
    """Nodes by their distance from the value, in the order of the graph: the first column is the value's."""
    depth = {graph.value: 0}
    for _ in graph.nodes:
        for relation, after, before in graph.edges:
            if after in depth:
                depth[before] = max(depth.get(before, 0), depth[after] + 1)
            elif relation == "wasGeneratedBy" and before in depth:
                depth[after] = max(0, depth[before] - 1)
    columns: list[list[Node]] = [[] for _ in range(max(depth.values()) + 1)]
    for name, node in graph.nodes.items():
        columns[depth[name]].append(node)
    return columns

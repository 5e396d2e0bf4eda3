"""Network of hops as plain data, GraphML and structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

import numpy as np

from tansaku.diffusion.hops.hop_network import HopNetwork, Pass
from tansaku.diffusion.hops.rates import Arrhenius
from tansaku.models.domain.records import JsonDict

_SPACE = "http://graphml.graphdrawing.org/xmlns"


def pass_label(item: Pass) -> str:
    """Name of a hop: sites, and the cell of the second one, such as ``0>1[0,0,1]``; ``0>1[0,0,1]#2`` over its second pass."""
    name = f"{item.hop.first}>{item.hop.second}[{','.join(map(str, item.hop.cell))}]"
    return f"{name}#{item.way + 1}" if item.way else name


def describe_network(network: HopNetwork, deviations: Mapping[int, float] | None = None) -> JsonDict:
    """Everything about a network, energies in eV above its lowest site.

    Args:
        deviations: Deviation of what is expected of each candidate that was not computed [eV]; those that are missing were.
    """
    zero = network.sites[network.minimum].energy
    unsure = deviations or {}
    limiting = {
        number: [f"{found.dimensions}d" for found in network.percolations if found is not None and found.limiting == number]
        for number in range(len(network.passes))
    }
    return {
        "cell": network.cell.tolist(),
        "lowest_energy": zero,
        "sites": [
            {
                "site": number,
                "fraction": list(site.fraction),
                "energy": site.energy - zero,
                "deviation": unsure.get(site.candidate, 0.0),
                "class": site.candidate,
                "frequencies": list(site.frequencies),
            }
            for number, site in enumerate(network.sites)
        ],
        "hops": [
            {
                "hop": pass_label(item),
                "first": item.hop.first,
                "second": item.hop.second,
                "cell": list(item.hop.cell),
                "length": float(np.linalg.norm(network.displacement(number))),
                "fraction": list(item.fraction),
                "energy": item.energy - zero,
                "deviation": unsure.get(item.candidate, 0.0),
                "forward_barrier": item.energy - network.sites[item.hop.first].energy,
                "reverse_barrier": item.energy - network.sites[item.hop.second].energy,
                "class": item.candidate,
                "orbit": item.orbit,
                "share": item.share,
                "frequencies": list(item.frequencies),
                "method": item.method,
                "way": item.way,
                "limits": limiting[number],
            }
            for number, item in enumerate(network.passes)
        ],
        "percolation": [
            {
                "dimensions": found.dimensions,
                "barrier": found.level - zero,
                "directions": [list(direction) for direction in found.directions[: found.dimensions]],
                "limiting_hop": pass_label(network.passes[found.limiting]),
            }
            for found in network.percolations
            if found is not None
        ],
    }


def describe_diffusion(found: Arrhenius) -> JsonDict:
    """Diffusion against temperature [K, cm²/s, eV]; ``coefficients`` are means over all directions, ``along`` eigenvalues."""
    return {
        "activation_energy": found.energy,
        "prefactor": found.prefactor,
        "temperatures": found.temperatures.tolist(),
        "dimensions": found.dimensions,
        "coefficients": found.coefficients.tolist(),
        "along": found.along.tolist(),
        "tensors": found.tensors.tolist(),
    }


def as_graphml(document: JsonDict) -> bytes:
    """A described network as GraphML: sites are nodes, hops are directed edges with the cell they lead into.

    Args:
        document: Of :func:`describe_network`.
    """
    ET.register_namespace("", _SPACE)
    root = ET.Element(f"{{{_SPACE}}}graphml")
    nodes = [{"energy": row["energy"], **_named("xyz", row["fraction"])} for row in document["sites"]]
    edges = [
        {
            "energy": row["energy"],
            "forward_barrier": row["forward_barrier"],
            "reverse_barrier": row["reverse_barrier"],
            "length": row["length"],
            "share": row["share"],
            "orbit": row["orbit"],
            "method": row["method"],
            **{f"cell_{name}": value for name, value in _named("abc", row["cell"]).items()},
        }
        for row in document["hops"]
    ]
    for kind, rows in (("node", nodes), ("edge", edges)):
        for name, value in (rows[0] if rows else {}).items():
            sort = {float: "double", int: "long", str: "string"}[type(value)]
            ET.SubElement(root, f"{{{_SPACE}}}key", {"id": f"{kind}_{name}", "for": kind, "attr.name": name, "attr.type": sort})
    graph = ET.SubElement(root, f"{{{_SPACE}}}graph", {"edgedefault": "directed"})
    for number, row in enumerate(nodes):
        _filled(ET.SubElement(graph, f"{{{_SPACE}}}node", {"id": str(number)}), "node", row)
    for hop, row in zip(document["hops"], edges, strict=True):
        ends = {"id": hop["hop"], "source": str(hop["first"]), "target": str(hop["second"])}
        _filled(ET.SubElement(graph, f"{{{_SPACE}}}edge", ends), "edge", row)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _filled(element: ET.Element, kind: str, row: Mapping[str, float | int | str]) -> None:
    for name, value in row.items():
        ET.SubElement(element, f"{{{_SPACE}}}data", {"key": f"{kind}_{name}"}).text = str(value)


def _named(names: str, values: Sequence[float]) -> dict[str, float]:
    return dict(zip(names, values, strict=True))

"""Campaigns that several test files use, as the text or the data of a campaign file."""

from __future__ import annotations

from typing import Any


def rows_campaign(name: str, evaluations: int) -> str:
    """All rows in turn of a table ``rows.csv`` with columns ``id``, ``value``, ``cost`` and ``x``."""
    return f"""\
schema_version: 1
name: {name}
space:
  type: table
  candidates: rows.csv
  columns: {{id: id, value: value, cost: cost}}
  features: {{place: {{columns: [x]}}}}
objective: {{unit: eV}}
proposer: {{type: grid}}
budget: {{evaluations: {evaluations}}}
execution: {{in_flight: 1, polish: 0}}
"""


def copper_campaign(name: str, evaluations: int) -> str:
    """Two boundaries of copper by EMT, a tenth of a second each."""
    return f"""\
schema_version: 1
name: {name}
space:
  type: grain_boundary
  crystal: {{structure: fcc, element: Cu, lattice_parameter: 3.59}}
  boundaries: {{planes: [[1, 1, 1], [1, 1, 3]]}}
  spacing: 8.0
calculator: {{type: emt, relaxation: {{fmax: 0.3}}}}
objective: {{unit: J/m2}}
proposer: {{type: random}}
budget: {{evaluations: {evaluations}}}
execution: {{in_flight: 2, polish: 0}}
"""


def aluminium_campaign(evaluations: int, retries: int) -> dict[str, Any]:
    """Relaxations of one boundary of aluminium, some tenths of a second each.

    ASE's own EMT computes atom by atom: tests stop processes in the middle of a relaxation, and tansaku's is over too soon.
    """
    return {
        "schema_version": 1,
        "name": "small",
        "seed": 3,
        "space": {
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 3.994},
            "axis": [1, 1, 0],
            "boundaries": {"planes": [[1, 1, 3]]},
            "translation": {"normal": [0.0, 0.4]},
        },
        "calculator": {"type": "ase", "name": "emt", "relaxation": {"fmax": 0.01}},
        "proposer": {"type": "random"},
        "budget": {"evaluations": evaluations},
        "execution": {"in_flight": 2, "retries": retries, "retry_backoff": 0.01, "polish": 0, "timeout": 120},
    }


def hydrogen_campaign(dimensions: int, evaluations: int) -> dict[str, Any]:
    """Search for the bottleneck of H in rigid Al by EMT."""
    return {
        "schema_version": 1,
        "name": "h-in-al",
        "space": {
            "type": "energy_surface",
            "host": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05},
            "ion": "H",
            "grid": 0.3,
            "supercell": [2, 2, 2],
        },
        "calculator": {"type": "emt"},
        "objective": {"property": "energy", "unit": "meV", "goal": {"type": "bottleneck", "dimensions": dimensions}},
        "proposer": {"type": "gp", "initial_points": 5},
        "budget": {"evaluations": evaluations},
        "execution": {"polish": 0},
    }


def boundary_space(element: str, edge: float, *planes: list[int], **more: Any) -> dict[str, Any]:
    """Grain boundaries of an fcc crystal with this lattice parameter [Å]."""
    crystal = {"structure": "fcc", "element": element, "lattice_parameter": edge}
    return {"type": "grain_boundary", "crystal": crystal, "boundaries": {"planes": list(planes)}} | more


def table_space(file: str, columns: dict[str, Any], features: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The rows of a table."""
    return {"type": "table", "candidates": file, "columns": columns, "features": features} | more

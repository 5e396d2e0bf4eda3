"""A campaign of seconds whose data are a potential's own, asked for where its networks disagree."""

from __future__ import annotations

SURROGATE = {
    "type": "potential",
    "environment": {"type": "symmetry_functions", "cutoff": 4.5, "radial": 4, "angular": 1, "zetas": [1]},
    "hidden": [4],
    "members": 2,
    "validation": 0.05,
    "trainer": {"type": "levenberg_marquardt", "cycles": 4},
}


def keys(trained: dict | None = None, /, **changes: object) -> dict:
    """Two crystals of copper by EMT, and a small committee.

    Args:
        trained: Changed keys of ``retrain``.
        changes: Changed keys of the campaign.
    """
    return {
        "seed": 2,
        "space": {
            "type": "crystals",
            "crystals": {
                "fcc": {"structure": "fcc", "elements": ["Cu"], "lattice_parameter": 3.6},
                "bcc": {"structure": "bcc", "elements": ["Cu"], "lattice_parameter": 2.87},
            },
            "scans": [
                {"type": "lattice", "percent": {"start": -9, "stop": 9, "steps": 7}},
                {"type": "rattle", "amplitude": 0.2, "atoms": [2, 4], "draws": 6, "strain": 2},
                {"type": "rattle", "amplitude": 0.1, "atoms": [4], "draws": 9, "strain": 2},
            ],
        },
        "calculator": {"type": "emt"},
        "objective": {"property": "energy_per_atom", "unit": "eV/atom"},
        "proposer": {"type": "disagreement", "judging": 0.25},
        "retrain": {
            "surrogate": SURROGATE,
            "learns": "calculator",
            "first": 6,
            "every": 5,
            "held_out": ["bcc-rattle*"],
            **(trained or {}),
        },
        "budget": {"evaluations": 18},
        "execution": {"in_flight": 2, "retries": 1, "retry_backoff": 0.01, "polish": 0},
        **changes,
    }

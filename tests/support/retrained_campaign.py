"""A campaign of seconds that trains its own surrogate and asks it first."""

from __future__ import annotations

from tests.support.campaign_files import boundary_space


def keys(trained: dict | None = None, /, **changes: object) -> dict:
    """Three boundaries by EMT, their label EMT too, and a kernel ridge that looks first.

    Args:
        trained: Changed keys of ``retrain``.
        changes: Changed keys of the campaign.
    """
    return {
        "seed": 6,
        "space": boundary_space(
            "Al", 3.994, [1, 1, 3], [1, 1, 2], [1, 1, 1], axis=[1, 1, 0], translation={"normal": [0.0, 0.4]}
        ),
        "calculator": {"type": "emt", "relaxation": {"fmax": 0.5}},
        "label": {"calculator": {"type": "emt"}},
        "objective": {"property": "label_grain_boundary_energy"},
        "proposer": {"type": "random", "by_system": True},
        "retrain": {
            "surrogate": {"type": "kernel_ridge", "descriptors": [{"type": "radial", "widths": [0.4]}]},
            "first": 4,
            "every": 3,
            "group": "surface",
            "held_out": 0.4,
            **(trained or {}),
        },
        "pre_screening": {"deviations": 0.5, "check_every": 5},
        "budget": {"evaluations": 13},
        "execution": {"in_flight": 2, "retries": 1, "retry_backoff": 0.01, "polish": 0},
        **changes,
    }

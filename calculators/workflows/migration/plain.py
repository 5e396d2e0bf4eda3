"""The workflow's parts as plain data and back; exact floats, so that a resumed evaluation gives identical results."""

from __future__ import annotations

import numpy as np

from tansaku.calculators.workflows.migration.hops import HopResult
from tansaku.calculators.workflows.migration.interstitials import Rest, Settled
from tansaku.calculators.workflows.migration.relaxing import State
from tansaku.models.domain.records import JsonDict


def plain_state(state: State) -> JsonDict:
    """A state as plain data."""
    return {
        "positions": state.positions.tolist(),
        "energy": state.energy,
        "forces": state.forces.tolist(),
        "steps": state.steps,
    }


def read_state(data: JsonDict) -> State:
    """A state from plain data."""
    return State(np.array(data["positions"]), float(data["energy"]), np.array(data["forces"]), int(data["steps"]))


def plain_result(result: HopResult | None) -> JsonDict | None:
    """A hop's result as plain data."""
    if result is None:
        return None
    return {
        "method": result.method,
        "energy": result.energy,
        "profile": [list(point) for point in result.profile],
        "intermediate": result.intermediate,
        "eigenvalues": list(result.eigenvalues),
        "remaining": result.remaining,
        "note": result.note,
        "kept": result.kept.tolist(),
        "positions": result.positions.tolist(),
    }


def read_result(data: JsonDict | None) -> HopResult | None:
    """A hop's result from plain data."""
    if data is None:
        return None
    return HopResult(
        method=data["method"],
        energy=float(data["energy"]),
        profile=tuple((float(x), float(energy)) for x, energy in data["profile"]),
        intermediate=None if data["intermediate"] is None else float(data["intermediate"]),
        eigenvalues=tuple(float(value) for value in data["eigenvalues"]),
        remaining=float(data["remaining"]),
        note=data["note"],
        kept=np.array(data["kept"], dtype=np.intp),
        positions=np.array(data["positions"]),
    )


def plain_settled(settled: Settled) -> JsonDict:
    """Result of relaxing an ion in a void, as plain data."""
    rests = [
        {
            "place": rest.place.tolist(),
            "frame": rest.frame.tolist(),
            "ion": rest.ion.tolist(),
            "eigenvalue": rest.eigenvalue,
        }
        for rest in settled.rests
    ]
    return {"rests": rests, "reason": settled.reason, "message": settled.message}


def read_settled(data: JsonDict) -> Settled:
    """Result of relaxing an ion in a void, from plain data."""
    rests = tuple(
        Rest(np.array(rest["place"]), np.array(rest["frame"]), np.array(rest["ion"]), float(rest["eigenvalue"]))
        for rest in data["rests"]
    )
    return Settled(rests, data["reason"], data["message"])

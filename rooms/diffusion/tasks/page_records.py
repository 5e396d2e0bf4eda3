"""Diffusion of an ion from a campaign: barriers, hops, slices of the surface, the path, and diffusion by temperature."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from tansaku.models.domain.records import Record

_EXAMPLE: dict[str, Any] = {
    "version": "5d41402a",
    "evaluations": 25,
    "dimensions": 1,
    "barriers": [
        {
            "dimensions": 1,
            "barrier": 0.601,
            "tolerance": 0.004,
            "directions": [[0, 0, 1]],
            "limiting_hop": "0>1[0,0,0]",
            "bottleneck": [0.171, 0.2, 0.486],
            "computed": True,
        }
    ],
    "hops": [
        {
            "hop": "0>1[0,0,0]",
            "count": 24,
            "length": 1.52,
            "forward_barrier": 0.601,
            "reverse_barrier": 0.601,
            "deviation": 0.0,
            "limits": ["1d"],
        }
    ],
    "slices": [],
    "path": {
        "distance": [0.0, 0.76, 1.52],
        "energy": [0.0, 0.601, 0.0],
        "deviation": [0.0, 0.0, 0.0],
        "computed": [True, True, True],
    },
    "posterior": {"evaluations": [10, 25], "barrier": [0.55, 0.601], "tolerance": [0.2, 0.004]},
    "diffusion": {
        "temperature": [600.0, 800.0],
        "coefficient": [3.1e-09, 5.6e-08],
        "along": [[3.1e-09, 3.1e-09, 3.1e-09], [5.6e-08, 5.6e-08, 5.6e-08]],
        "dimensions": 3,
        "energy": 0.598,
    },
    "problem": "",
}
"""In the description of the API."""


class BarrierLine(Record):
    """Barrier in a number of independent directions; energies in eV.

    Attributes:
        barrier: Expected; None: no path is known.
        tolerance: With 95 % it is at most this far off; None: the campaign has no model.
        directions: Lattice vectors along which the path leads.
        limiting_hop: Name of the hop with the bottleneck.
        bottleneck: Its fractional coordinates.
        computed: Whether minimum and bottleneck were both computed.
        grid_shift: By which it is higher between the points of the grid; None: not known.
        grid_error: The barrier over the grid is hardly farther off than this; None: not known.
        host_jump: The farthest that an atom of a relaxed host moves between computed neighbours along the path [Å]; None: not
            known.
        host_apart: Distance of these two along the path [Å].
    """

    dimensions: int
    barrier: float | None
    tolerance: float | None
    directions: tuple[tuple[int, int, int], ...]
    limiting_hop: str | None
    bottleneck: tuple[float, float, float] | None
    computed: bool
    grid_shift: float | None = None
    grid_error: float | None = None
    host_jump: float | None = None
    host_apart: float | None = None


class HopLine(Record):
    """Hops that symmetry makes equal.

    Attributes:
        hop: Name of one of them.
        count: How many there are in a cell.
        length: [Å].
        forward_barrier: [eV].
        reverse_barrier: [eV].
        deviation: Of the pass's energy [eV]; 0 where it was computed.
        limits: In how many dimensions it limits the path, as ``1d``.
    """

    hop: str
    count: int
    length: float
    forward_barrier: float
    reverse_barrier: float
    deviation: float
    limits: tuple[str, ...]


class SurfaceSlice(Record):
    """A plane of grid points through the bottleneck; lists of lists have a list for each point along ``across``.

    Attributes:
        axis: Cell vector that leads out of the plane.
        height: Fractional coordinate along it.
        across: First cell vector in the plane.
        up: Second one.
        places_across: Fractional coordinates along ``across``.
        places_up: The same along ``up``.
        energy: Expected, above the minimum [eV]; None: inside an atom, or not known.
        deviation: Its standard deviation [eV]; None as before.
        computed: Fractional coordinates in the plane of computed points.
        top: Energies above this are shown alike [eV].
    """

    axis: str
    height: float
    across: str
    up: str
    places_across: tuple[float, ...]
    places_up: tuple[float, ...]
    energy: tuple[tuple[float | None, ...], ...]
    deviation: tuple[tuple[float | None, ...], ...]
    computed: tuple[tuple[float, float], ...]
    top: float


class PathLine(Record):
    """Energy along the path over the grid; lists have one entry for each point.

    Attributes:
        distance: [Å].
        energy: Above the minimum [eV].
        deviation: Its standard deviation [eV]; None: not known.
        computed: Whether the point was computed.
    """

    distance: tuple[float, ...]
    energy: tuple[float, ...]
    deviation: tuple[float | None, ...]
    computed: tuple[bool, ...]


class PosteriorLine(Record):
    """Posterior of the barrier against evaluations; lists have one entry for each certificate.

    Attributes:
        evaluations: Of the search by then.
        barrier: [eV].
        tolerance: With the certificate's confidence it is at most this far off [eV]; None: not known.
    """

    evaluations: tuple[int, ...]
    barrier: tuple[float, ...]
    tolerance: tuple[float | None, ...]


class ArrheniusLine(Record):
    """Diffusion coefficients by temperature, and the activation energy of their fit [eV].

    Attributes:
        temperature: [K].
        coefficient: Mean over all directions in space [cm²/s]; 0 where it is too small for a number.
        along: Eigenvalues of the tensor, along axes that are perpendicular to each other, the largest first [cm²/s].
        dimensions: Number of independent directions in which the ion gets away.
        energy: [eV].
    """

    temperature: tuple[float, ...]
    coefficient: tuple[float, ...]
    along: tuple[tuple[float, float, float], ...]
    dimensions: int
    energy: float


class Diffusion(Record):
    """Results of a campaign on an ion's diffusion; None or empty: nothing is known yet.

    Attributes:
        version: Of the campaign.
        evaluations: With an energy.
        dimensions: Of the path that is looked for.
        connectivity: Neighbours of a point of the grid, 6 or 26.
        warnings: About the barriers.
        problem: Why nothing can be shown; empty: it can.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    version: str
    evaluations: int = 0
    dimensions: int = 3
    connectivity: int = 26
    barriers: tuple[BarrierLine, ...] = ()
    hops: tuple[HopLine, ...] = ()
    slices: tuple[SurfaceSlice, ...] = ()
    path: PathLine | None = None
    posterior: PosteriorLine | None = None
    diffusion: ArrheniusLine | None = None
    warnings: tuple[str, ...] = ()
    problem: str = ""

"""``python -m benchmarks.potential.magnesia --out result.json``: the same network potential on an oxide.

Magnesium oxide in four structures, stretched, sheared and rattled, by density-functional theory (``mgo.yaml``): fewer data
than for aluminium, and two elements with long-ranged electrostatics, which a potential of local environments does not have.
A committee learns energies and forces and is tested on whole scans. Another one is tested on every fifth structure of each
scan, which measures the interpolation.
"""

from __future__ import annotations

import json

from benchmarks.command import command
from benchmarks.potential.crystal import Crystal
from benchmarks.potential.data import HERE, divided, of_file, shipped
from benchmarks.potential.figure import draw_parity
from benchmarks.potential.fits import fit, known_scans, report
from tansaku.models.domain.records import JsonDict
from tansaku.potentials.specs.network import PotentialSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SPEC = HERE / "mgo.yaml"
DATA = HERE / "mgo.extxyz.gz"
ROCKSALT = Crystal("rocksalt", 8, ("caesium", "zincblende", "wurtzite"))
QUICK = {"members": 2, "hidden": [8], "trainer": {"type": "levenberg_marquardt", "cycles": 5}}


def main() -> None:
    """Trains, tests and writes the result."""
    quick, figure = "few structures, a short training", "parity, and errors of each kind of scan"
    given = command("potential.magnesia", __doc__, quick=quick, figure=figure).parse_args()
    both = divided(SPEC, shipped(DATA))
    scans = ROCKSALT.of([*both.training, *both.held_out])
    training = both.first(60) if given.quick else both.training
    spec = PotentialSpec.model_validate(QUICK if given.quick else {})
    result: JsonDict = {
        "schema_version": 1,
        "quick": given.quick,
        **report(fit(spec, training), both.held_out, ROCKSALT, scans),
        "known_scans": known_scans(spec, training),
        "data": of_file(DATA),
        "provenance": describe_machine(),
    }
    write_json(given.out, result)
    if given.figure is not None:
        draw_parity(result, given.figure)
    constants = {side: result["crystal"][side] for side in ("computed", "predicted")}
    print(json.dumps({"held_out": result["held_out"], "known_scans": result["known_scans"]["held_out"], "crystal": constants}))


if __name__ == "__main__":
    main()

"""A campaign's trainings as jobs of the queue, with resources of their own."""

from __future__ import annotations

import json

KERNEL_RIDGE = {"type": "kernel_ridge", "descriptors": [{"type": "radial", "widths": [0.4]}]}


def test_a_training_is_a_job_of_the_queue_with_resources_of_its_own(make_campaign):
    own = {"classes": [{"calculator": "training", "resources": {"walltime": 420}}]}
    campaign = make_campaign(
        own,
        seed=6,
        space={
            "type": "grain_boundary",
            "crystal": {"structure": "fcc", "element": "Al", "lattice_parameter": 3.994},
            "axis": [1, 1, 0],
            "boundaries": {"planes": [[1, 1, 3], [1, 1, 2], [1, 1, 1]]},
            "translation": {"normal": [0.0, 0.4]},
        },
        calculator={"type": "emt", "relaxation": {"fmax": 0.5}},
        label={"calculator": {"type": "emt"}},
        objective={"property": "label_grain_boundary_energy"},
        proposer={"type": "random", "by_system": True},
        retrain={"first": 7, "group": "surface", "held_out": 0.4, "surrogate": KERNEL_RIDGE},
        first_look={"deviations": 0.5},
        budget={"evaluations": 9},
    )
    campaign.drive()
    ((retrain, end),) = campaign.store.retrains("small")
    assert end is not None
    assert end.version is not None, end
    assert retrain.observations == 7
    assert all(one.proposal.look is None for one in campaign.evaluations()[:7])
    assert campaign.evaluations()[-1].proposal.look.model == end.version
    scripts = {path.parent.name: path.read_text() for path in (campaign.backend.shared / "launches").glob("*/job.sh")}
    longer = [name for name, script in scripts.items() if "--time=7\n" in script]
    assert len(longer) == 1
    order = json.loads((campaign.backend.shared / "launches" / longer[0] / "launch.json").read_text())
    assert len(order["members"]) == 1
    assert len(scripts) == 10

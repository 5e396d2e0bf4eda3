"""A program of the site file through FireWorks on the real SLURM: the job carries its name, the node gets its definition."""

import shutil
from pathlib import Path

import yaml

from tansaku.models.domain.states import EvaluationState

PROGRAM = Path(__file__).parents[2] / "support/pair_program.py"
SPACE = {
    "type": "crystals",
    "crystals": {"aluminium": {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}},
    "scans": [{"type": "rattle", "atoms": [4], "draws": 2, "strain": 1, "lattice": 5}],
}


def test_a_program_that_the_site_names_computes_on_the_nodes(make_campaign):
    campaign = make_campaign(
        space=SPACE,
        calculator={"type": "command", "command": "pairs", "keywords": {"depth": 0.3}},
        objective={"unit": "eV/atom"},
        budget={"evaluations": 2},
    )
    shutil.copy(PROGRAM, campaign.folder)
    site = yaml.safe_load(campaign.site_file.read_text())
    site["commands"] = {
        "pairs": {
            "argv": ["python3", "-I", "-S", PROGRAM.name],
            "files": [PROGRAM.name],
            "version": ["python3", "-I", "-S", PROGRAM.name, "--version"],
            "keywords": {"depth": "number"},
        }
    }
    campaign.site_file.write_text(yaml.safe_dump(site))
    campaign.drive()
    evaluations = campaign.evaluations()
    assert [item.state for item in evaluations] == [EvaluationState.DONE] * 2, campaign.say("log", "small", "--all")
    for item in evaluations:
        provenance = item.outcome.provenance
        assert provenance.host in ("n1", "n2")
        assert (provenance.code, provenance.model, provenance.code_version) == ("command", "pairs", "pairs 1.0")
        assert provenance.settings["keywords"] == {"depth": 0.3}
        assert item.outcome.properties["calculation"]["runs"] == 1

"""Boundaries that a table lists, searched with the energies of another metal as a source."""

import pytest

from tansaku.deploy.cli.exits import ExitCode

pytestmark = [pytest.mark.needs("pymatgen")]

CAMPAIGN = """
schema_version: 1
name: {name}
space:
  type: grain_boundary
  crystal: {{structure: fcc, element: {element}, lattice_parameter: {edge}}}
  boundaries: {{list: list.csv}}
  cell: {{boundaries: 1, relaxed: 5, reach: 5.6, polish: []}}
  translation: {{normal: [0.3], in_plane: {{step: 0.8}}, along_axis: {{step: 0.8}}}}
calculator: {{type: emt, relaxation: {{cell: fixed, translation: free, fmax: 0.1}}}}
objective: {{unit: mJ/m2}}
proposer: {proposer}
budget: {{evaluations: 6}}
execution: {{in_flight: 2, polish: 0}}
{transfer}
"""
LIST = "axis,sigma,plane\n0 0 1,5,0 0 1\n1 1 0,3,1 -1 2\n"


def written(folder, element, edge, proposer, transfer=""):
    (folder / "list.csv").write_text(LIST)
    path = folder / f"listed-{element.lower()}.yaml"
    name = path.stem
    path.write_text(CAMPAIGN.format(name=name, element=element, edge=edge, proposer=proposer, transfer=transfer))
    return path


def test_a_list_is_searched_with_the_energies_of_another_metal_as_a_source(tansaku, tmp_path):
    source = tansaku("run", written(tmp_path, "Cu", "auto", "{type: random}"), "--plain")
    assert source.code == ExitCode.OK, source.err
    learns = "transfer: {sources: [{type: campaign, name: listed-cu}]}"
    target = written(tmp_path, "Au", "auto", "{type: gp, initial_points: 2}", learns)
    assert "learns from the campaign listed-cu: 6 observations" in " ".join(tansaku("check", target).out.split())
    done = tansaku("run", target, "--plain")
    assert done.code == ExitCode.OK, done.err
    assert "transfer." in tansaku("log", "listed-au").out
    assert "listed-cu" in tansaku("show", "listed-au").out

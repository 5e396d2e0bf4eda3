"""A campaign that learns from one of another level of theory: its user is told before it starts and finds it in the log."""

from tansaku.deploy.cli.exits import ExitCode

CAMPAIGN = """
schema_version: 1
name: {name}
space:
  type: grain_boundary
  crystal: {{structure: fcc, element: Al, lattice_parameter: 4.02, strained: true}}
  boundaries: {{planes: [[1, 1, 1], [1, 1, 3]]}}
  translation: {{normal: [0.0, 0.4], in_plane: {{step: 1.0}}, along_axis: {{step: 1.0}}}}
  spacing: 6.0
calculator: {calculator}
proposer: {{type: gp}}
budget: {{evaluations: 2}}
execution: {{in_flight: 2, polish: 0}}
{transfer}
"""
EMT = "{type: emt, relaxation: {fmax: 0.1}}"
LAMMPS = "{type: lammps, potential: Al_zhou.eam.alloy, relaxation: {fmax: 0.1}}"


def written(folder, name, calculator, *sources):
    listed = ", ".join(f"{{type: campaign, name: {one}}}" for one in sources)
    path = folder / f"{name}.yaml"
    transfer = f"transfer: {{sources: [{listed}]}}" if sources else ""
    path.write_text(CAMPAIGN.format(name=name, calculator=calculator, transfer=transfer))
    return path


def test_another_level_is_said_by_check_and_in_the_log_and_the_same_one_is_not(tansaku, tmp_path, require):
    require("lammps")
    source = tansaku("run", written(tmp_path, "told-cheap", EMT), "--plain")
    assert source.code == ExitCode.OK, source.err
    dear, again = written(tmp_path, "told-dear", LAMMPS, "told-cheap"), written(tmp_path, "told-again", EMT, "told-cheap")
    checked = " ".join(tansaku("check", dear).out.split())
    assert "learns from the campaign told-cheap: 2 observations" in checked
    assert "different level of theory, modelled with a correlation: ase-emt; here lammps Al_zhou.eam.alloy (SHA-256" in checked
    assert "different level" not in tansaku("check", again).out
    for file in (dear, again):
        done = tansaku("run", file, "--plain")
        assert done.code == ExitCode.OK, done.err
    logged = tansaku("log", "told-dear").out
    assert "transfer.other_level" in logged
    assert "told-cheap" in logged
    assert "ase-emt" in logged
    assert "transfer.other_level" not in tansaku("log", "told-again").out

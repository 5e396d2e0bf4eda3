"""From a campaign without any energy by hand to its phase diagram, a value's provenance and an archive that is imported."""

import json
import shutil

import yaml

from tests.support.alloys import FILE


def test_a_campaign_without_given_energies_has_a_phase_diagram_and_travels(tansaku, tmp_path, monkeypatch, require):
    require("pymatgen")
    from pymatgen.analysis.phase_diagram import PhaseDiagram
    from pymatgen.entries.computed_entries import ComputedStructureEntry

    monkeypatch.chdir(tmp_path)
    data = yaml.safe_load(FILE.read_text())
    data["space"]["phases"], data["name"] = {"references": "compute"}, "travels"
    (tmp_path / "travels.yaml").write_text(yaml.safe_dump(data))
    shutil.copy(FILE.with_name("cu-au.json"), tmp_path)
    ended = tansaku("run", "travels.yaml", "--plain")
    assert ended.code == 0, ended.err
    assert "references [eV/atom]: Au -0.000" in tansaku("status", "travels").out
    rows = json.loads(tansaku("results", "travels", "--evaluations", "--json").out)
    assert [(row["candidate"], row["purpose"]) for row in rows[:3]] == [
        ("Au", "reference"), ("Cu", "reference"), (rows[2]["candidate"], "search"),
    ]  # fmt: skip
    assert "DONE (reference)" in tansaku("results", "travels", "--evaluations").out
    assert "stable are" in tansaku("hull", "travels", "--figure", "hull.png").out
    before = tansaku("hull", "travels", "--json").out
    stable = {row["formula"] for row in json.loads(before) if row["stable"]}
    assert stable == {"Au", "Cu", "AuCu", "AuCu3"}
    assert tansaku("hull", "travels", "--csv").out.count("\n") == 11
    found = json.loads(tansaku("provenance", "travels", "L10-AuCu").out)
    assert found["agent"]["tansaku:code"]["prov:label"].startswith("ase-emt")
    assert tansaku("provenance", "travels", "L10-AuCu", "--figure", "p.png").code == 0

    assert tansaku("hull", "travels", "--entries", "e.json").code == 0
    entries = [ComputedStructureEntry.from_dict(entry) for entry in json.loads((tmp_path / "e.json").read_text())]
    assert len(entries) == 10
    lowest = PhaseDiagram(entries).stable_entries
    assert {entry.composition.reduced_formula for entry in lowest} == {"Au", "Cu", "CuAu", "Cu3Au"}
    written = tansaku("export", "travels", "--for", "nomad", "--creator", "Curie, Marie", "--licence", "CC-BY-4.0")
    assert written.out == "travels.zip: 24 files\n", written.err
    assert tansaku("delete", "travels", "--yes").code == 0
    shutil.unpack_archive("travels.zip", "elsewhere")
    back = tansaku("import", "--observations", "travels.zip", "--base-path", "elsewhere")
    assert "imported 10 new of 10 evaluations" in back.out, back.err
    assert tansaku("hull", "travels", "--json").out == before


def test_a_search_for_the_hull_ends_when_every_candidate_is_decided(tansaku, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = yaml.safe_load(FILE.read_text())
    data |= {"name": "stable", "budget": {"evaluations": 8, "stop": {"within": "1 meV/atom", "every": 1}}}
    data["space"] |= {"systems": "all", "phases": {"references": "compute"}}
    data["objective"]["goal"] = {"type": "on_hull"}
    data["proposer"] = {"type": "gp", "initial_points": 3}
    (tmp_path / "stable.yaml").write_text(yaml.safe_dump(data))
    shutil.copy(FILE.with_name("cu-au.json"), tmp_path)
    assert "the file is valid" in tansaku("check", "stable.yaml").out
    ended = tansaku("run", "stable.yaml", "--plain")
    assert ended.code == 0, ended.err
    likely = json.loads(tansaku("results", "stable", "--json").out)
    true = {row["phase"] for row in json.loads(tansaku("hull", "stable", "--json").out) if row["stable"] and not row["given"]}
    assert {row["candidate"] for row in likely if row["probability"] == 1.0} == true == {"L10-AuCu", "L12-AuCu3"}
    assert "2 candidates stable, 0 undecided" in tansaku("status", "stable").out
    assert "L12-AuCu3" in tansaku("results", "stable").out
    assert tansaku("results", "stable", "--csv").out.startswith("candidate,probability,energy_above_hull,round")

"""From a campaign without any energy by hand to its phase diagram, a value's provenance and an archive that is imported."""

from __future__ import annotations

import json
import shutil

import yaml

from tests.support.alloys import FILE


def test_a_campaign_without_given_energies_has_a_phase_diagram_and_travels(tansaku, tmp_path, monkeypatch, require):
    require("pymatgen")
    monkeypatch.chdir(tmp_path)
    data = yaml.safe_load(FILE.read_text())
    data["space"]["phases"], data["name"] = {"references": "compute"}, "travels"
    (tmp_path / "travels.yaml").write_text(yaml.safe_dump(data))
    shutil.copy(FILE.with_name("cu-au.json"), tmp_path)
    ended = tansaku("run", "travels.yaml", "--plain")
    assert ended.code == 0, ended.err
    assert "stable are" in tansaku("hull", "travels", "--figure", "hull.png").out
    before = tansaku("hull", "travels", "--json").out
    stable = {row["formula"] for row in json.loads(before) if row["stable"]}
    assert stable == {"Au", "Cu", "AuCu", "AuCu3"}
    assert tansaku("hull", "travels", "--csv").out.count("\n") == 11
    found = json.loads(tansaku("provenance", "travels", "L10-AuCu").out)
    assert found["agent"]["tansaku:code"]["prov:label"].startswith("ase-emt")
    assert tansaku("provenance", "travels", "L10-AuCu", "--figure", "p.png").code == 0

    assert tansaku("hull", "travels", "--entries", "e.json").code == 0
    assert len(json.loads((tmp_path / "e.json").read_text())) == 8
    written = tansaku("deposit", "travels", "--for", "nomad", "--creator", "Curie, Marie", "--licence", "CC-BY-4.0")
    assert written.out == "travels.zip: 23 files\n", written.err
    assert tansaku("delete", "travels", "--yes").code == 0
    shutil.unpack_archive("travels.zip", "elsewhere")
    back = tansaku("import", "--observations", "travels.zip", "--base-path", "elsewhere")
    assert "imported 8 new of 8 evaluations" in back.out, back.err
    assert tansaku("hull", "travels", "--json").out == before

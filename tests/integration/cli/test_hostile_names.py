"""Names and messages in the database are text of whoever wrote them: they name no path and steer no terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import ase.io
import pandas as pd
import pytest

from tansaku.tasks.backends.stores.connection import open_database
from tests.support.campaign_files import copper_campaign

NAMES = ("../../evil", "a/b", "x\x1b[31m", "/tmp/absolute-evil", "..", "y\x9b31m", "z\u202e", ".hidden", "")
CAMPAIGN = copper_campaign("hostile-names", 12)


@pytest.fixture(scope="module")
def evil(mongo_server):
    """Changes what is stored of the campaign: names, and the message of a failure."""

    def change() -> list[str]:
        database = open_database(mongo_server.start(), "tansaku")
        stored, campaign = database["evaluations"], database["campaigns"].find_one({"name": "hostile-names"})["_id"]
        found = sorted(stored.find({"campaign": campaign}), key=lambda one: one["proposal"]["number"])
        for one, name in zip(found, NAMES, strict=False):
            stored.update_one({"_id": one["_id"]}, {"$set": {"proposal.candidate": name}})
        failure = {"kind": "science", "reason": "red\x1b[31m", "message": "told\x1b]0;title\x07 by a program\x9b1m"}
        last = {
            "$set": {"proposal.candidate": "bad\x1b[2J", "state": "FAILED", "outcome.failure": failure, "outcome.value": None}
        }
        stored.update_one({"_id": found[-1]["_id"]}, last)
        for event in database["events"].find({"campaign": campaign}):
            database["events"].update_one({"_id": event["_id"]}, {"$set": {"data.note": "event\x1b[31m"}})
        database.client.close()
        return [one["proposal"]["candidate"] for one in found]

    return change


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_stored_names_leave_no_folder_and_reach_no_terminal(tansaku, evil, tmp_path):
    file = tmp_path / "campaign.yaml"
    file.write_text(CAMPAIGN)
    assert tansaku("run", file, "--plain").code == 0
    whole = evil()
    assert len(whole) == 12
    before = files_of(tmp_path)
    for form, suffix in (("extxyz", ".extxyz"), ("cif", ".cif"), ("poscar", ".poscar"), ("lammps-data", ".data")):
        folder = tmp_path / "one" / "two" / form
        told = tansaku("export", "hostile-names", "--structures", folder, "--format", form, "--all")
        assert told.code == 0, told.err
        written = files_of(folder)
        assert len(written) == 11, "every structure that has a value is in a file of its own"
        assert {path.parent for path in written} == {folder}
        assert {str(path) for path in written} == set(told.out.split())
        for path in written:
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+=,()-]*", path.name), path
            assert len(ase.io.read(path, format="lammps-data" if suffix == ".data" else None)) > 0
        assert any(path.name.startswith("evil-") for path in written)
    assert {path for path in files_of(tmp_path) - before if "one" not in path.parts} == set()
    assert not Path("/tmp/absolute-evil.extxyz").exists()

    few = [
        tansaku("export", "hostile-names", "--structures", tmp_path / "few", *best).out.split() for best in ((), ("--best", 2))
    ]
    assert [len(paths) for paths in few] == [2, 4]
    assert set(few[0]) <= set(few[1])
    for wrong in (("--best", "2"), ("--all",), ("--structures", tmp_path / "few", "--all", "--best", "1")):
        assert tansaku("export", "hostile-names", *wrong).code == 2

    for command in (
        *(("status",), ("status", "hostile-names"), ("list",), ("log", "hostile-names"), ("log", "hostile-names", "--all")),
        *(("results", "hostile-names"), ("results", "hostile-names", "--evaluations"), ("show", "hostile-names")),
        ("results", "hostile-names", "--evaluations", "--csv"),
        ("log", "hostile-names", "bad\x1b[2J"),
        ("log", "hostile-names", "no\x1b[31m"),
        ("results", "no\x1b[31m"),
    ):
        told = tansaku(*command)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", told.out + told.err), command
    rows = tansaku("results", "hostile-names", "--evaluations", "--json").out
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", rows)
    assert set(NAMES) <= {row["candidate"] for row in json.loads(rows)}, "as data the names are whole"
    assert "red\\x1b[31m" in tansaku("status", "hostile-names").out


def test_a_table_of_any_ids_is_exported(tansaku, campaign_file, tmp_path):
    path = campaign_file(good=6, bad=0)
    table = tmp_path / "candidates.csv"
    table.write_text(table.read_text().replace("a0,", "../../evil,").replace("a1,", '"a b/c",').replace("a2,", "x\x1b[31m,"))
    assert tansaku("run", path, "--plain").code == 0
    assert tansaku("export", path.stem, "--observations", tmp_path / "o.parquet", "--table", tmp_path / "table").code == 0
    assert {"../../evil", "a b/c", "x\x1b[31m"} <= set(pd.read_parquet(tmp_path / "table" / "candidates.parquet")["id"])
    told = tansaku("results", path.stem, "--evaluations")
    assert "x\\x1b[31m" in told.out
    assert "\x1b" not in told.out

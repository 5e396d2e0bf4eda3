"""A campaign that a script made continues on the command line, and the other way round."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest

import tansaku as ts
from tansaku.models.domain.errors import SpecChangedError


def script(**keys) -> ts.Campaign:
    frame = pd.DataFrame({"alloy": list("abcdefgh"), "x": [0.1 * i for i in range(8)]})
    space = ts.Table(frame, columns={"id": "alloy"}, features={"all": {"columns": ["x"]}})
    given = {"objective": ts.minimize("hardness", unit="GPa"), "budget": 6, "name": "scripted"} | keys
    return ts.Campaign(space, **given)


def test_a_script_and_the_command_line_continue_each_other(tansaku, tmp_path):
    campaign = script()
    rows = campaign.ask(2)
    campaign.tell(rows[0], value=1.5)
    asked = json.loads(tansaku("ask", "scripted", "-n", "2", "--json").out)["waiting"]
    assert asked[0]["candidate"] == rows[1].id
    (tmp_path / "told.csv").write_text(f"number,value\n{asked[0]['number']},2\n")
    assert tansaku("tell", "scripted", tmp_path / "told.csv").out.startswith("scripted: 1 value")
    attached = tansaku("attach", "scripted", asked[0]["number"], tmp_path / "told.csv", "--json").out
    assert json.loads(attached)["candidate"] == asked[0]["candidate"]
    assert "no value of proposal" in tansaku("attach", "scripted", asked[1]["number"], tmp_path / "told.csv").err
    assert "cannot be converted" in tansaku("tell", "scripted", asked[1]["candidate"], "3 kg").err
    assert tansaku("tell", "scripted", asked[1]["candidate"], "3 GPa").out.startswith("scripted: 1 value")

    again = script()
    assert len(again.frame) == 3
    assert again.best == {"x": rows[0]["x"]}
    while not again.done:
        for row in again.ask(2):
            again.tell(row, value=float(row["x"]))
    opened = ts.open("scripted")
    assert len(opened.to_dataframe()) == 6
    assert list(opened.to_dataframe()["x"]) == list(again.frame["x"])
    assert "FINISHED" in tansaku("status", "scripted").out
    assert ts.Campaign.open("scripted").done


def test_a_report_asks_for_the_next_proposals(tansaku, tmp_path):
    campaign = script(name="reported")
    table = tmp_path / "next.csv"
    told = tansaku("tell", "reported", campaign.ask(2)[0].id, "3 GPa", "--next", table)
    assert told.out.startswith("reported: 1 value")
    assert "2 proposals wait" in told.out
    assert f"then `tansaku tell reported {table}`" in told.err
    waiting = json.loads(tansaku("ask", "reported", "--json").out)["waiting"]
    assert list(pd.read_csv(table)["number"]) == [item["number"] for item in waiting]
    filled = pd.read_csv(table).assign(**{"value [GPa]": [2.0, 1.0]})
    filled.to_csv(table, index=False)
    both = json.loads(tansaku("tell", "reported", table, "--next", table, "--json").out)
    assert both["new"] == {"values": 2}
    assert both["asked"]["waiting"] == json.loads(tansaku("ask", "reported", "--json").out)["waiting"]
    assert not {item["number"] for item in both["asked"]["waiting"]} & {item["number"] for item in waiting}
    wrong = tansaku("tell", "reported", both["asked"]["waiting"][0]["candidate"], "3 kg", "--next", table)
    assert "cannot be converted" in wrong.err
    assert not wrong.out
    nowhere = tansaku("tell", "reported", table, "--next", tmp_path / "none/next.csv")
    assert f"--next: '{tmp_path}/none/next.csv' cannot be written: No such file or directory" in nowhere.err
    assert f"--csv: '{tmp_path}' cannot be written: Is a directory" in tansaku("ask", "reported", "--csv", tmp_path).err
    tansaku("pause", "reported")
    paused = tansaku("tell", "reported", both["asked"]["waiting"][0]["candidate"], "2", "--next", table)
    assert "1 value" in paused.out
    assert "paused; continue with `tansaku resume reported`" in paused.err


def test_the_file_of_a_script_is_checked_with_what_the_database_keeps(tansaku, tmp_path):
    campaign = script(name="kept")
    for name in ("kept", "copied"):
        file = tmp_path / f"{name}.yaml"
        file.write_text(campaign.yaml.replace("name: kept", f"name: {name}"))
        assert "8 candidates" in tansaku("check", file).out
        assert "8 candidates" in tansaku("run", "--dry-run", file).out
        assert ts.connect().check(file).candidates == 8
        assert json.loads(tansaku("check", file, "--parameters").out)["campaign"]["name"] == name
    assert tansaku("run", "--no-run", file).out.startswith("copied: stored")
    assert ts.Campaign.open("copied").ask(1)[0].id == campaign.ask(1)[0].id
    file.write_text(re.sub(r"[0-9a-f]{64}/", f"{'9' * 64}/", file.read_text()))
    assert "does not exist" in tansaku("check", file).err


def test_a_finished_table_that_the_database_keeps_is_replayed(tansaku, tmp_path):
    frame = pd.DataFrame({"alloy": list("abcdefgh"), "x": [0.1 * i for i in range(8)], "hardness": [1.0, 3, 4, 6, 5, 4, 3, 2]})
    columns = {"id": "alloy", "value": "hardness"}
    space = ts.Table(frame, columns=columns, features={"numbers": {"columns": ["x"]}})
    finished, new = tmp_path / "finished.yaml", tmp_path / "new.yaml"
    finished.write_text(ts.Campaign(space, ts.minimize("hardness", unit="GPa"), budget=6, name="finished").yaml)
    bench = tansaku("bench", finished, "--methods", "grid", "--seeds", "1", "--out", tmp_path / "out.json")
    assert "grid" in bench.out, bench.err
    parameters = ts.Parameters(x=(0, 0.7))
    new.write_text(ts.Campaign(parameters, ts.minimize("hardness", unit="GPa"), budget=6, store=None, name="new").yaml)
    rehearsed = tansaku("check", new, "--rehearse", "--like", finished, "--within", "1 GPa", "--replays", "2")
    assert "fitted to finished.yaml" in rehearsed.out, rehearsed.err


def test_another_spec_under_the_same_name_is_refused(mongo_server):
    script(name="twice")
    with pytest.raises(SpecChangedError, match="seed: 0 -> 1"):
        script(name="twice", seed=1)

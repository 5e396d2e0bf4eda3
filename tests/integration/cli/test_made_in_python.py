"""A campaign that a script made continues on the command line, and the other way round."""

from __future__ import annotations

import json

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


def test_another_spec_under_the_same_name_is_refused(mongo_server):
    script(name="twice")
    with pytest.raises(SpecChangedError, match="seed: 0 -> 1"):
        script(name="twice", seed=1)

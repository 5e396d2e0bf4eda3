"""The page that says how to add a calculator, followed literally."""

from tests.literal_pages import LiteralPage


def test_a_new_calculator(tmp_path):
    (campaign,) = LiteralPage("new-calculator.md", tmp_path).follow()
    assert campaign["reason"] == "evaluations"
    assert len(campaign["rows"]) == 6
    assert all(row["state"] == "DONE" and row["unit"] == "eV/atom" for row in campaign["rows"])
    assert all(-10.0 < row["value"] < 0.0 for row in campaign["rows"])

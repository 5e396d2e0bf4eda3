"""All evaluations of a campaign as a file."""

import csv
import io

import pyarrow.parquet as pq
import pytest

from tansaku.models.domain.accounts import Role
from tansaku.tasks.backends.stores.export_reader import read_export

PATH = "/api/v1/campaigns/small-table/observations"


@pytest.fixture
def browser(site_with):
    return site_with("a1", "a3", "a2").logged_in(Role.VIEWER)


def test_the_csv_has_a_line_for_each_evaluation(browser):
    answer = browser.get(f"{PATH}?form=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="small-table.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["number"], row["candidate"], row["state"]) for row in rows] == [
        ("1", "a1", "DONE"),
        ("2", "a3", "FAILED"),
        ("3", "a2", "DONE"),
    ]
    assert "record" not in rows[0]
    assert float(rows[0]["value"]) > 0


def test_the_parquet_file_is_what_an_import_reads(browser, tmp_path):
    answer = browser.get(f"{PATH}?form=parquet")
    (tmp_path / "file.parquet").write_bytes(answer.content)
    assert read_export(tmp_path / "file.parquet").record.name == "small-table"
    assert pq.read_table(tmp_path / "file.parquet").num_rows == 3


def test_candidates_without_structures_give_an_empty_file(browser):
    assert browser.get(f"{PATH}?form=extxyz").text == ""


@pytest.mark.parametrize("form", ["csv", "parquet", "extxyz"])
def test_an_unknown_campaign_is_an_answer(browser, form):
    assert browser.get(f"/api/v1/campaigns/other/observations?form={form}").status_code == 404


def test_another_format_is_refused(browser):
    assert browser.get(f"{PATH}?form=exe").status_code == 422

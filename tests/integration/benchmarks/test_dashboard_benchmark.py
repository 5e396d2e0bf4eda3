"""The quick run of the dashboard's benchmark, in a real browser."""

import json


def test_quick_run_measures_bytes_paint_updates_and_load(run_benchmark, tmp_path, require):
    require("mongod")
    require("chromium")
    done = run_benchmark("dashboard", "--quick", "--out", tmp_path / "result.json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads((tmp_path / "result.json").read_text())["by_evaluations"].values()
    # Sizes do not depend on the machine: what a page may weigh is fixed, compressed and with an empty cache.
    assert 1_000 < found["bytes_home"] < 20_000
    assert found["bytes_home"] < found["bytes_campaign"] < 120_000
    assert found["bytes_candidate"] < 250_000
    for key in (
        "first_view_s",
        "first_view_processor_s",
        "first_paint_home_ms",
        "update_p95_s",
        "cpu_busy_percent",
        "rss_mb",
        "clients_p95_s",
    ):
        assert found[key] > 0, key

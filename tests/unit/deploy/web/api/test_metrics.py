"""Numbers for Prometheus, and the Grafana file that shows them."""

import json
import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tansaku.models.domain.accounts import Role

DASHBOARD = Path(__file__).parents[5] / "deploy/docker/grafana.json"
GAUGES = [f"tansaku_{name}" for name in ("campaigns", "evaluations", "queue", "running", "outbox")]
LINE = re.compile(r'tansaku_\w+\{(\w+="[^"\\]*",?)+\} [0-9.e+-]+')


def test_an_admin_reads_counts_and_latencies(site_with):
    site = site_with("a1", "a3")
    admin = site.with_session(Role.ADMIN)
    assert site.browser().get("/metrics").status_code in (303, 401)
    assert site.with_session(Role.OPERATOR).get("/metrics").status_code == 403
    answer = admin.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert [
        line for line in lines if not (line.startswith(("# HELP tansaku_", "# TYPE tansaku_")) or LINE.fullmatch(line))
    ] == []
    for line in (
        'tansaku_evaluations{state="DONE"} 1',
        'tansaku_evaluations{state="FAILED"} 1',
        'tansaku_outbox{state="waiting"} 0',
    ):
        assert line in lines
    assert sum(line.startswith("tansaku_campaigns{") for line in lines) == 1
    count = next(line for line in lines if line.startswith('tansaku_request_seconds_count{status="4xx"}'))
    assert count.endswith(" 1")
    assert f'tansaku_request_seconds_bucket{{status="4xx",le="+Inf"}} {count.split()[-1]}' in lines


def test_prometheus_own_parser_reads_the_numbers(site_with):
    """As it reads a page that it scrapes: families have kind and help, and a histogram's buckets add up to its count."""
    admin = site_with("a1", "a3").with_session(Role.ADMIN)
    for _ in range(2):
        text = admin.get("/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    kinds = {name: family.type for name, family in families.items()}
    assert kinds == dict.fromkeys(GAUGES, "gauge") | {"tansaku_request_seconds": "histogram"}
    assert all(family.documentation for family in families.values())
    samples = [sample for sample in families["tansaku_request_seconds"].samples if sample.labels["status"] == "2xx"]
    buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
    (count,) = (sample.value for sample in samples if sample.name.endswith("_count"))
    assert (buckets, buckets[-1]) == (sorted(buckets), count)
    assert count >= 1


def test_the_grafana_file_asks_for_what_there_is(site_with):
    text = site_with("a1").with_session(Role.ADMIN).get("/metrics").text
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {name for panel in panels for target in panel["targets"] for name in re.findall(r"tansaku_\w+", target["expr"])}
    known = set(re.findall(r"^(tansaku_\w+)\{", text, re.MULTILINE)) | {"tansaku_request_seconds_bucket"}
    assert asked <= known
    assert len(panels) == 6

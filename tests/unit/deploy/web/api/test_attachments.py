"""Photos and files of reported values in the dashboard: who adds them, how they are served and shown."""

import pytest

from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.api.test_measuring import PATH, browser, post, serve
from tests.unit.tasks.ground.formats.test_photos import header_of_a_png, photo

__all__ = ["browser", "serve"]

HOSTILE = b"<script>alert(1)</script>"


def attach(browser, key, content, **about):
    query = {"number": 1, "file": "sample.jpg"} | about
    return browser.change("POST", f"{PATH}/attachments", key=f"{key}-key-0001", params=query, content=content)


@pytest.fixture
def measured(browser, serve):
    post(browser, "asks", "ask", count=2)
    serve()
    assert post(browser, "tells", "tell", rows=[{"number": 1, "value": 1.5}]).status_code == 202
    serve()
    return browser


def test_a_photo_is_shown_and_a_file_only_saved(site, measured, serve):
    added = attach(measured, "photo", photo(), photo="true", report="tell-key-0001")
    assert (added.status_code, added.json()["media"]) == (201, "image/jpeg")
    assert attach(measured, "photo", photo(), photo="true").status_code == 200
    file = attach(measured, "file", HOSTILE, file="a <b>.html").json()
    assert [entry.after["name"] for entry in reversed(site.changes("campaign.attach"))] == ["sample.jpg", "a <b>.html"]
    serve()
    viewer = site.logged_in(Role.VIEWER)
    shown = viewer.get(f"{PATH}/attachments/{added.json()['sha256']}")
    assert (shown.headers["Content-Type"], shown.headers["Content-Disposition"].partition(";")[0]) == ("image/jpeg", "inline")
    saved = viewer.get(f"{PATH}/attachments/{file['sha256']}")
    assert (saved.content, saved.headers["Content-Type"]) == (HOSTILE, "application/octet-stream")
    assert saved.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20%3Cb%3E.html"
    for answer in (shown, saved):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = viewer.get("/campaigns/rows/evaluations/1").text
    assert f'<img src="{PATH}/attachments/{added.json()["sha256"]}" alt="sample.jpg" loading="lazy">' in page
    assert f'<a href="{PATH}/attachments/{file["sha256"]}" download>a &lt;b&gt;.html</a>' in page
    assert "of a value that was corrected" not in page
    assert post(measured, "tells", "correct", rows=[{"number": 1, "value": 2, "status": "correction"}]).status_code == 202
    assert viewer.get("/campaigns/rows/evaluations/1").text.count("of a value that was corrected") == 2
    told = viewer.get("/campaigns/rows/measurements").text
    assert told.index("sample.jpg</a>") > told.index("corrected"), "it stays with its value"


def test_what_is_refused(site, measured):
    for about, content, code in (
        ({"photo": "true", "file": "IMG_1.heic"}, b"x", 422),
        ({"photo": "true"}, header_of_a_png(60000, 60000), 422),
        ({"file": "a/b"}, b"x", 422),
        ({"number": 2}, b"x", 404),
        ({}, bytes(10_000_001), 413),
    ):
        assert attach(measured, "bad", content, **about).status_code == code, about
    assert site.logged_in(Role.VIEWER).change("POST", f"{PATH}/attachments", key="a-key-00001").status_code == 403
    assert measured.get(f"{PATH}/attachments/{'0' * 64}").status_code == 404
    assert site.changes("campaign.attach") == []
    large = measured.change("POST", f"{PATH}/tells", key="large-key-1", content=bytes(2_000_000))
    assert large.status_code == 413, "other bodies stay small"


def test_only_campaigns_whose_values_are_reported_have_them(site_with):
    operator = site_with("a1").with_session(Role.OPERATOR)
    query = {"number": 1, "file": "a.txt"}
    address = "/api/v1/campaigns/small-table/attachments"
    answer = operator.change("POST", address, key="a-key-00001", params=query, content=b"x")
    assert (answer.status_code, "its values are not reported" in answer.json()["detail"]) == (422, True)

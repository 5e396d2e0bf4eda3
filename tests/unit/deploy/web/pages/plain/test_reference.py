"""The page that explains the keys of a spec."""

import re

import pytest

from tansaku.deploy.web.pages.plain import linked
from tansaku.models.domain.accounts import Role


def test_the_editor_links_to_the_keys_that_it_explains(site):
    browser = site.with_session(Role.OPERATOR)
    assert re.search(r'explained in the <a href="/reference"', browser.get("/new").text)
    page = browser.get("/reference").text
    for key in ("budget", "in_flight", "max_failed_fraction", "evaluations"):
        assert f'<th scope="row"><code>{key}</code></th>' in page
    assert '<h2 id="budget"><code>budget</code></h2>' in page
    anchors = set(re.findall(r' id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= anchors
    assert browser.get("/api/v1/schema/campaign").status_code == 200


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[type: emt](#emt) or `null`", '<a href="#emt">type: emt</a> or <code>null</code>'),
        ("`[20.0, 30.0]`; [x](javascript:y) <b>", "<code>[20.0, 30.0]</code>; [x](javascript:y) &lt;b&gt;"),
    ],
)
def test_texts_of_the_reference_have_links_within_the_page_only(text, shown):
    assert linked(text) == shown

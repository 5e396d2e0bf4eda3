"""Notes are formatted, and whoever wrote them can put nothing else into the page."""

from __future__ import annotations

import time

import pytest

from tansaku.deploy.web.pages.markdown import markdown


def test_common_markdown_is_formatted_below_the_headings_of_the_page():
    text = "# Why\n\nSome *text* and `code`, [a page](https://example.org/x)."
    found = markdown(f"{text}\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- one\n")
    assert "<h3>Why</h3>" in found
    assert "<em>text</em>" in found
    assert '<a href="https://example.org/x" rel="noopener noreferrer nofollow">a page</a>' in found
    assert "<td>1</td>" in found
    assert "<li>one</li>" in found
    assert "<h6>deep</h6>" in markdown("###### deep")


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "text <b onclick='x()'>b</b>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](java\tscript:alert(1))",
        "[x](vbscript:x)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "<javascript:alert(1)>",
        "![x](https://elsewhere.org/who-reads.png)",
        "[a]: javascript:alert(1)\n\n[a]",
        '[x](https://a.org "\\" onmouseover=alert(1)")',
        '```"><script>\nx\n```',
        "<!-- --><svg/onload=alert(1)>",
        "<style>*{display:none}</style>",
    ],
)
def test_nothing_hostile_becomes_markup(hostile):
    found = markdown(hostile)
    for forbidden in ("<script", "<img", "<b ", "<svg", "<style", 'href="javascript', 'href="vbscript', 'href="data', "<!--"):
        assert forbidden not in found.lower(), found
    assert " on" not in found.replace("&quot; onmouseover", "").partition("<a")[2].partition(">")[0]


@pytest.mark.parametrize("piece", ["[", "*a ", "> ", "<a ", "`", "![", "|a", "- ", "[a](", "_a_*"])
def test_long_notes_of_one_sign_are_no_trap(piece):
    begin = time.process_time()
    markdown((piece * 20_000)[:20_000])
    assert time.process_time() - begin < 5.0

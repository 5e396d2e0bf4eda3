import pytest

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.identifiers import check_name, file_stem, printable, safe_file_name, shown


@pytest.mark.parametrize(
    "name",
    ["s033-118-r3-x000-y0167-z000", "bcc-lattice-a09200", "Li-Al3-As5-Cl", "NaMnO2-P2-025", "s1_2", "a.b+c=(1,2)", "x" * 200],
)
def test_ids_of_generated_spaces_name_files(name: str) -> None:
    assert safe_file_name(name, "candidate") == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../a",
        "a/b",
        "/etc/passwd",
        "a\\b",
        ".hidden",
        "-rf",
        "a b",
        "a\n",
        "a\0",
        "\x1b[2Ja",
        "é",
        "a:b",
        "x" * 201,
    ],
)
def test_names_with_paths_controls_or_spaces_name_no_file(name: str) -> None:
    with pytest.raises(StoreError, match="cannot name a file") as caught:
        safe_file_name(name, "candidate")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["../c", "C", "c\n", "", "-c", "c" * 64, "c\x1b[0m", 7, None, ["c"], {"c": 1}])
def test_what_is_no_campaign_name_is_refused(name: object) -> None:
    with pytest.raises(StoreError, match="campaign name is") as caught:
        check_name(name, "campaign name")
    assert str(caught.value).isprintable()


def test_campaign_names_pass() -> None:
    assert check_name("al-110-tilt", "campaign name") == "al-110-tilt"


def test_escapes_are_written_out_and_letters_stay() -> None:
    assert printable("Σ9 (114) é漢") == "Σ9 (114) é漢"
    assert printable("\x1b]0;owned\x07\x9b2J\u202eevil\ud800\r\n") == "\\x1b]0;owned\\x07\\x9b2J\\u202eevil\\ud800\\r\\n"
    assert printable("two\nlines\x1b", keep="\n") == "two\nlines\\x1b"


def test_shown_values_are_short_however_long_or_deep() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert len(shown(deep)) < 100
    assert len(shown("x" * 10**6)) < 100
    assert shown("a\x1b[2J") == "'a\\x1b[2J'"


def test_any_name_gives_a_file_in_its_folder_and_two_names_never_the_same():
    safe = ["s011-113-r0-x020-y010-z030", "Li-Fe3-P5-OH", "a.b", "A" * 200]
    assert [file_stem(name) for name in safe] == safe
    hostile = [
        "../../evil",
        "../evil",
        "a/b",
        "a_b/",
        "..",
        ".",
        "",
        "/etc/passwd",
        "x\x1b[31m",
        ".hidden",
        "-r",
        "a b",
        "é",
        "\udcff",
    ]
    hostile += ["A" * 201, "A" * 202, "a\0b", "a\nb"]
    stems = [file_stem(name) for name in hostile]
    assert len({*stems, *safe}) == len(hostile) + len(safe)
    for stem in stems:
        assert safe_file_name(stem, "file") == stem
    assert stems == [file_stem(name) for name in hostile]

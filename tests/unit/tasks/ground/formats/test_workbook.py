"""Excel workbooks: what is written is read back, what spreadsheet programs write is read, and nothing hostile is."""

import io
import zipfile

import pytest

from tansaku.tasks.act.measurements.report_file import ReportError, read_report, sheet_text
from tansaku.tasks.ground.formats import workbook
from tansaku.tasks.ground.formats.workbook import read_workbook, write_workbook

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = f"""<worksheet {MAIN}><sheetData>
<row r="2"><c r="A2" t="s"><v>1</v></c><c r="C2" t="s"><v>0</v></c></row>
<row r="5"><c r="A5"><v>3</v></c><c r="C5"><v>0.10000000000000001</v></c><c r="AB5" t="b"><v>1</v></c></row>
</sheetData></worksheet>"""
TEXTS = f"<sst {MAIN}><si><r><t>de</t></r><r><t>pth</t></r></si><si><t>number</t></si></sst>"


ENTITIES = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
SPOKEN = f'<sst {MAIN}><si><t>鉄</t><rPh sb="0" eb="1"><t>テツ</t></rPh></si><si><t>n</t></si></sst>'


def packed(more=None, **changed):
    """A workbook of another program: shared texts, gaps, and the first sheet in a file of its own name."""
    written = {"sheet": SHEET, "texts": TEXTS} | changed
    with zipfile.ZipFile(io.BytesIO(write_workbook([]))) as own:
        parts = {name: own.read(name) for name in own.namelist() if "sheet1" not in name}
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(b"worksheets/sheet1", b"/xl/worksheets/a")
    parts |= {"xl/worksheets/a.xml": written["sheet"], "xl/sharedStrings.xml": written["texts"], **(more or {})}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in parts.items():
            made.writestr(name, text)
    return content.getvalue()


def test_rows_that_are_written_are_read():
    rows = [
        ["number", "value [K]", "note"],
        [1, 2.5, "=1+1 & <b>"],
        [2, None, "\x07é"],
        [None, "", ""],
        [10**20, -1e-9, "it's"],
    ]
    assert read_workbook(write_workbook(rows)) == [
        (1, ["number", "value [K]", "note"]),
        (2, ["1", "2.5", "=1+1 & <b>"]),
        (3, ["2", "", " é"]),
        (5, ["1e+20", "-1e-09", "it's"]),
    ]


def test_what_another_program_wrote_is_read():
    (heading, row) = read_workbook(packed())
    assert heading == (2, ["number", "", "depth"])
    assert (row[0], row[1][:3], row[1][27]) == (5, ["3", "", "0.1"], "true")
    report = read_report(write_workbook([["number", "value [GPa]"], [3, 1.5]]))
    assert (report.units, report.rows[0].line, report.rows[0].cells) == ({"value": "GPa"}, 2, {"number": "3", "value": "1.5"})


def test_a_formula_counts_with_the_value_that_is_stored_beside_it():
    """Nothing is evaluated, and how a text is spoken is no part of it."""
    formulas = SHEET.replace("<v>3</v>", "<f>1+2</f><v>4</v>").replace('t="b"><v>', 't="str"><f>A5&amp;"x"</f><v>')
    assert read_workbook(packed(sheet=formulas))[1][1][::27] == ["4", "1"]
    assert read_workbook(packed(texts=SPOKEN))[0][1] == ["n", "", "鉄"]


STYLES = f"""<styleSheet {MAIN}><numFmts>
<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/><numFmt numFmtId="165" formatCode="[h]:mm"/>
<numFmt numFmtId="166" formatCode="#,##0.00\\ &quot;mmol&quot;"/><numFmt numFmtId="167" formatCode="[Red]0.0_m"/></numFmts>
<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/>
<xf numFmtId="165"/><xf numFmtId="166"/><xf numFmtId="167"/></cellXfs></styleSheet>"""


@pytest.mark.parametrize(
    ("style", "value", "text"),
    [
        (0, "46085", "46085"),
        (1, "46085", "2026-03-04"),
        (2, "46085.5", "2026-03-04 12:00:00"),
        (3, "0.125", "03:00:00"),
        (4, "46085", "46085"),
        (5, "2.5", "2.5"),
        (1, "-3", "-3"),
    ],
)
def test_a_cell_that_shows_a_date_is_no_number(style, value, text):
    """Spreadsheet programs make a date of 3.4; it was stored as the number of days since 1900."""
    sheet = SHEET.replace('<c r="A5"><v>3</v>', f'<c r="A5" s="{style}"><v>{value}</v>')
    assert read_workbook(packed({"xl/styles.xml": STYLES}, sheet=sheet))[1][1][0] == text
    with zipfile.ZipFile(io.BytesIO(write_workbook([]))) as own:
        book = own.read("xl/workbook.xml").decode().replace("<sheets>", '<workbookPr date1904="1"/><sheets>')
    later = text.replace("2026-03-04", "2030-03-05")  # by the calendar of old Macintosh computers
    assert read_workbook(packed({"xl/styles.xml": STYLES, "xl/workbook.xml": book}, sheet=sheet))[1][1][0] == later


def test_the_end_of_an_endless_format_is_not_read():
    """Its unclosed brackets took a minute."""
    code = "[" * 300 + "yyyy"
    styles = STYLES.replace('formatCode="[h]:mm"', f'formatCode="{code}"')
    sheet = SHEET.replace('<c r="A5"><v>3</v>', '<c r="A5" s="3"><v>46085</v>')
    assert read_workbook(packed({"xl/styles.xml": styles}, sheet=sheet))[1][1][0] == "46085"


def test_the_text_of_a_sheet_is_read_as_the_workbook_is():
    content = write_workbook([["T (K)", "note", "value (GPa)"], [300, '=1+1, "a"', 1.5], [None, None, None], [400, "-", 2]])
    text = sheet_text(content)
    assert text == 'T (K),note,value (GPa)\n300,"\'=1+1, ""a""",1.5\n400,\'-,2\n'
    of_text, of_book = read_report(text.encode()), read_report(content)
    assert [row.cells for row in of_text.rows] == [row.cells for row in of_book.rows]
    assert (of_text.columns, of_text.units, of_text.comma) == (of_book.columns, of_book.units, of_book.comma)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 nothing more", "is no Excel workbook"),
        (packed(sheet="<worksheet>"), "is no Excel workbook"),
        (packed(texts=f"<sst {MAIN}/>"), "is no Excel workbook"),
        (packed(sheet=f'<!DOCTYPE a [<!ENTITY b "c">]>{SHEET}'), "a part that no spreadsheet program writes"),
        (packed(sheet=SHEET.replace("AB5", "ZZZ5")), "row 5 has more than 1,000 cells"),
        (packed(sheet=SHEET.replace("0.10000000000000001", "wide")), "is no Excel workbook"),
        (packed(sheet=SHEET.replace('r="2"', 'r="two"')), "is no Excel workbook"),
        (packed({"xl/vbaProject.bin": "Sub AutoOpen()"}), "has macros; save it as .xlsx without them"),
        (packed(sheet=SHEET.replace("<v>3</v>", "<f>1+2</f>")), "cell 1 of row 5 has a formula without its value"),
        (packed(sheet=SHEET.replace('<row r="5">', "<row><c><v>1</v></c></row>" * 1_000_000)), "more than 5,000 rows below"),
        (packed(texts=f"<sst {MAIN}>{'<si/>' * 1_000_001}</sst>"), "more than 1,000,000 different texts"),
        (packed(sheet=SHEET.replace("<v>3</v>", f"<v>{' ' * 30_000_000}3</v>")), "a part of the workbook has more than 30,000"),
        (packed({"xl/workbook.xml": f"<workbook {MAIN}>{'<a/>' * 10_000}</workbook>"}), "more than 10,000 elements"),
        (packed({"xl/workbook.xml": f"<workbook {MAIN}/>"}), "is no Excel workbook"),
        (packed({"xl/workbook.xml": ENTITIES.encode("utf-16")}), "a part that no spreadsheet program writes"),
    ],
)
def test_what_is_no_workbook_is_refused(content, said):
    with pytest.raises(ReportError, match=said):
        read_report(content, "values.xlsx")


def test_a_part_that_would_fill_the_memory_is_refused(monkeypatch):
    monkeypatch.setattr(workbook, "MOST_XML", 1000)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        read_workbook(write_workbook([["x"] * 100]))

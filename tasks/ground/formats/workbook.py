"""The first sheet of an Excel workbook (.xlsx) as rows of texts, and rows as a workbook; nothing in it is evaluated."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

MOST_XML = 50_000_000
"""Bytes of an unpacked part of a workbook."""

_LONGEST_ROW = 1000
_SHEET, _BOOK = "xl/worksheets/sheet1.xml", "xl/workbook.xml"
_PACKAGE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{_BOOK}" ContentType="{_PACKAGE}.sheet.main+xml"/>'
        f'<Override PartName="/{_SHEET}" ContentType="{_PACKAGE}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/officeDocument" Target="{_BOOK}"/></Relationships>'
    ),
    _BOOK: (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
        '<sheets><sheet name="measurements" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class _RefusedError(ValueError):
    """A workbook that is read no further, with the reason."""


def write_workbook(rows: Iterable[Iterable[object]]) -> bytes:
    """A workbook of one sheet; numbers are numbers, all else is text, None is an empty cell."""
    lines = ("".join(map(_cell, row)) for row in rows)
    sheet = "".join(f"<row>{line}</row>" for line in lines)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in {**_PARTS, _SHEET: f'<worksheet xmlns="{_MAIN}"><sheetData>{sheet}</sheetData></worksheet>'}.items():
            packed.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{text}')
    return content.getvalue()


def read_workbook(content: bytes) -> list[tuple[int, list[str]]]:
    """Rows of the first sheet with their numbers; empty ones are left out.

    Raises:
        ValueError: It is no workbook, or a part of it is too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = packed.namelist()
            texts = _shared_texts(packed) if "xl/sharedStrings.xml" in names else []
            return list(_rows(_parsed(packed, _first_sheet(packed)), texts))
    except _RefusedError:
        raise
    except (zipfile.BadZipFile, LookupError, ET.ParseError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ValueError("it is no Excel workbook (.xlsx)") from error


def _cell(value: object) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"<c><v>{value!r}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(_UNWRITABLE.sub(" ", str(value)))}</t></is></c>'


def _parsed(packed: zipfile.ZipFile, name: str) -> ET.Element:
    if packed.getinfo(name).file_size > MOST_XML:
        raise _RefusedError(f"a part of the workbook has more than {MOST_XML:,} bytes")
    with packed.open(name) as stream:
        text = stream.read(MOST_XML + 1)
    if len(text) > MOST_XML or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise _RefusedError("the workbook has a part that no spreadsheet program writes")
    return ET.fromstring(text)  # noqa: S314 - its size is limited, and it declares nothing


def _first_sheet(packed: zipfile.ZipFile) -> str:
    """Path of the first sheet, which need not be the first file."""
    first = next(_all(_parsed(packed, _BOOK), "sheet"))
    wanted = first.get(f"{{{_RELATIONS}}}id")
    relations = _all(_parsed(packed, "xl/_rels/workbook.xml.rels"), "Relationship")
    target = next((item.get("Target", "") for item in relations if item.get("Id") == wanted), "")
    return target.removeprefix("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")


def _shared_texts(packed: zipfile.ZipFile) -> list[str]:
    return [_text(item) for item in _all(_parsed(packed, "xl/sharedStrings.xml"), "si")]


def _rows(sheet: ET.Element, texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    number = 0
    for row in _all(sheet, "row"):
        number = int(row.get("r") or number + 1)
        cells: list[str] = []
        for cell in _all(row, "c"):
            place = _column(cell.get("r"), len(cells))
            if place >= _LONGEST_ROW:
                raise _RefusedError(f"row {number} has more than {_LONGEST_ROW:,} cells")
            cells += [""] * (place - len(cells))
            cells.append(_content(cell, texts))
        if any(cells):
            yield number, cells


def _column(reference: str | None, following: int) -> int:
    """Place of a cell from a reference such as AB12; without one it follows the cell before it."""
    letters = re.match("[A-Z]{1,3}", reference or "")
    if letters is None:
        return following
    place = 0
    for letter in letters[0]:
        place = 26 * place + ord(letter) - ord("A") + 1
    return place - 1


def _content(cell: ET.Element, texts: Sequence[str]) -> str:
    kind = cell.get("t", "n")
    value = next((item.text or "" for item in _all(cell, "v")), "")
    if kind == "inlineStr":
        return _text(cell)
    if kind == "s":
        return texts[int(value)]
    if kind == "b":
        return "true" if value == "1" else "false"
    if kind == "n" and value:
        number = float(value)  # programs write 0.1 as 0.10000000000000001
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return value


def _text(item: ET.Element) -> str:
    return "".join(part.text or "" for part in _all(item, "t"))


def _all(element: ET.Element, tag: str) -> Iterator[ET.Element]:
    """Elements of a name, in whichever namespace the program wrote."""
    return (item for item in element.iter() if item.tag.rpartition("}")[2] == tag)

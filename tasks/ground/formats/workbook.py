"""The first sheet of an Excel workbook (.xlsx) as rows of texts, and rows as a workbook; nothing in it is evaluated.

Files come from strangers. The time that openpyxl 3.1.5 takes grows with the square of the length of a date format, and of a
formula that many cells share: 8 s for 80 kB. This reader looks at cells alone, piece by piece.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

MOST_XML = 30_000_000
"""Bytes of an unpacked part of a workbook."""

MOST_ROWS = 100_000
"""Rows of a sheet, unless its reader wants fewer."""

_LONGEST_ROW = 1000
_MOST_TEXTS = 1_000_000
_PIECE = 1_000_000
_MACROS = ("vbaproject.bin", ".xlm")
_TEXT_KINDS = ("str", "inlineStr")
_SHEET, _BOOK, _TEXTS = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml"
_STYLES = "xl/styles.xml"
_DATE_FORMATS = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
"""Numbers of the built-in formats of dates and times."""

_UNDATED = re.compile(r'"[^"]*"|\\.|[_*].|\[[^]hms][^]]*\]')
"""Parts of a format that say nothing about a date: texts, spaces, colours, currencies."""

_LONGEST_FORMAT = 255
"""Characters of a format that are read; spreadsheet programs write no longer ones."""

_DAY_0, _DAY_0_OF_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)
"""Begins of the two calendars by which workbooks count days."""

_DAYS = 2_958_466
"""Days to the end of the year 9999."""

_LINKS = "xl/_rels/workbook.xml.rels"
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
    _LINKS: (
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


def read_workbook(content: bytes, most_rows: int = MOST_ROWS) -> list[tuple[int, list[str]]]:
    """Rows of the first sheet with their numbers; empty ones are left out.

    Formulas are not evaluated: the value that the program stored beside one is read. Dates and times are texts such as
    2026-03-04 and 12:30:00, not the numbers of days by which workbooks count them. Parts are read piece by piece, so a small
    file that unpacks to a very large one takes no memory.

    Args:
        most_rows: Rows with any cell, below the first one.

    Raises:
        ValueError: It is no workbook, a part of it is too large, it has macros, or a formula without a value.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            names = packed.namelist()
            if any(name.lower().endswith(_MACROS) for name in names):
                raise _RefusedError("the workbook has macros; save it as .xlsx without them")
            texts = _Texts()
            if _TEXTS in names:
                _read(packed, _TEXTS, texts)
            styles = _Styles()
            if _STYLES in names:
                _read(packed, _STYLES, styles)
            path, first_day = _first_sheet(packed)
            sheet = _Sheet(texts.found, styles.dated(), most_rows, first_day)
            _read(packed, path, sheet)
            return sheet.rows
    except _RefusedError:
        raise
    except (zipfile.BadZipFile, zlib.error, LookupError, ET.ParseError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ValueError("it is no Excel workbook (.xlsx)") from error


def _cell(value: object) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"<c><v>{value!r}</v></c>"
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(_UNWRITABLE.sub(" ", str(value)))}</t></is></c>'


class _Part:
    """The content of a part, as the parser meets its elements; names are without the namespace that the program wrote."""

    most = 2_000_000
    """Elements that it may have."""

    def __init__(self) -> None:
        self._left = self.most

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._left -= 1
        if self._left < 0:
            raise _RefusedError(f"a part of the workbook has more than {self.most:,} elements")
        self.begin(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        """An element ends."""
        self.finish(tag.rpartition("}")[2])

    def doctype(self, *_: object) -> None:
        """Refuses declarations, in any encoding: entities could unpack to fill the memory."""
        raise _RefusedError("the workbook has a part that no spreadsheet program writes")

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element of a name begins."""

    def data(self, text: str) -> None:
        """A piece of text."""

    def finish(self, name: str) -> None:
        """An element of a name ends."""

    def close(self) -> None:
        """The part ends."""


class _Elements(_Part):
    """Attributes of every element of a small part, by the element's name."""

    most = 10_000

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, Mapping[str, str]]] = []

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self.found.append((name, attributes))

    def of(self, name: str) -> Iterator[Mapping[str, str]]:
        """Attributes of the elements of a name."""
        return (attributes for found, attributes in self.found if found == name)


class _Written(_Part):
    """Collects the texts of elements ``t``, but those that say how a text is spoken, and of others that are named."""

    def __init__(self, names: Collection[str] = ()) -> None:
        super().__init__()
        self._names, self._spoken, self._open = {"t", *names}, 0, ""
        self._pieces: dict[str, list[str]] = {}

    def begin(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._spoken += name == "rPh"
        if name in self._names and not self._spoken:
            self._open = name
            self._pieces.setdefault(name, [])

    def data(self, text: str) -> None:
        if self._open:
            self._pieces[self._open].append(text)

    def finish(self, name: str) -> None:
        self._spoken -= name == "rPh"
        if name == self._open:
            self._open = ""

    def taken(self) -> dict[str, str]:
        """The texts by element since they were taken last."""
        pieces, self._pieces = self._pieces, {}
        return {name: "".join(texts) for name, texts in pieces.items()}


class _Texts(_Written):
    """The texts that cells share."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def finish(self, name: str) -> None:
        super().finish(name)
        if name == "si":
            if len(self.found) >= _MOST_TEXTS:
                raise _RefusedError(f"the workbook has more than {_MOST_TEXTS:,} different texts")
            self.found.append(self.taken().get("t", ""))


class _Styles(_Part):
    """The styles of cells, of which some show numbers as dates."""

    def __init__(self) -> None:
        super().__init__()
        self._in_cells = False
        self._codes: dict[str, str] = {}
        self._formats: list[str] = []

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self._in_cells |= name == "cellXfs"
        if name == "numFmt":
            self._codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")[:_LONGEST_FORMAT]
        elif name == "xf" and self._in_cells:
            self._formats.append(attributes.get("numFmtId", "0"))

    def finish(self, name: str) -> None:
        self._in_cells &= name != "cellXfs"

    def dated(self) -> Set[str]:
        """Numbers of the styles, as cells name them, that show dates or times."""
        return {str(place) for place, number in enumerate(self._formats) if self._is_date(number)}

    def _is_date(self, number: str) -> bool:
        code = self._codes.get(number)
        if code is None:
            return int(number) in _DATE_FORMATS
        return re.search("[ymdhs]", _UNDATED.sub("", code.partition(";")[0]).lower()) is not None


class _Sheet(_Written):
    """The rows of a sheet.

    Args:
        texts: Those that cells share.
        dated: Numbers of the styles that show dates.
        most_rows: Rows with any cell, below the first one.
        day_0: Begin of the workbook's calendar.
    """

    def __init__(self, texts: Sequence[str], dated: Set[str], most_rows: int, day_0: datetime) -> None:
        super().__init__(("v", "f"))
        self._day_0 = day_0
        self.rows: list[tuple[int, list[str]]] = []
        self._texts, self._dated, self._most = texts, dated, most_rows
        self._number, self._cells, self._kind, self._style = 0, [""] * 0, "n", "0"

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        super().begin(name, attributes)
        if name == "row":
            self._number, self._cells = int(attributes.get("r") or self._number + 1), []
        elif name == "c":
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
            place = _column(attributes.get("r"), len(self._cells))
            if place >= _LONGEST_ROW:
                raise _RefusedError(f"row {self._number} has more than {_LONGEST_ROW:,} cells")
            self._cells += [""] * (place - len(self._cells))

    def finish(self, name: str) -> None:
        super().finish(name)
        if name == "c":
            self._cells.append(self._content())
        elif name == "row" and any(self._cells):
            if len(self.rows) > self._most:
                raise _RefusedError(f"the first sheet has more than {self._most:,} rows below its heading")
            self.rows.append((self._number, self._cells))

    def _content(self) -> str:
        taken = self.taken()
        value = taken.get("v", "")
        if "f" in taken and not value and self._kind not in _TEXT_KINDS:
            place = f"cell {len(self._cells) + 1} of row {self._number}"
            raise _RefusedError(
                f"{place} has a formula without its value; open the workbook in a spreadsheet program and save it"
            )
        if self._kind == "inlineStr":
            return taken.get("t", "")
        if self._kind == "s":
            return self._texts[int(value)]
        if self._kind == "b":
            return "true" if value == "1" else "false"
        if self._kind == "n" and value:
            number = float(value)  # programs write 0.1 as 0.10000000000000001
            if self._style in self._dated and 0 <= number < _DAYS - (self._day_0 - _DAY_0).days:
                return _date(number, self._day_0)
            return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
        return value


def _date(days: float, day_0: datetime) -> str:
    """A date, a time, or both, from the days since the begin of a workbook's calendar."""
    moment = day_0 + timedelta(seconds=round(86400 * days))
    if days < 1:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%Y-%m-%d}" if days.is_integer() else f"{moment:%Y-%m-%d %H:%M:%S}"


def _read(packed: zipfile.ZipFile, name: str, part: _Part) -> None:
    """Hands a part's elements over, up to a number of bytes."""
    parser = ET.XMLParser(target=part)  # noqa: S314 - its size is limited, and a part that declares anything is refused
    left = MOST_XML
    with packed.open(name) as stream:
        while piece := stream.read(_PIECE):
            left -= len(piece)
            if left < 0:
                raise _RefusedError(f"a part of the workbook has more than {MOST_XML:,} bytes")
            parser.feed(piece)
    parser.close()


def _first_sheet(packed: zipfile.ZipFile) -> tuple[str, datetime]:
    """Path of the first sheet, which need not be the first file, and the begin of the workbook's calendar."""
    book, related = _Elements(), _Elements()
    _read(packed, _BOOK, book)
    _read(packed, _LINKS, related)
    first = next(book.of("sheet"), {})
    wanted = first.get(f"{{{_RELATIONS}}}id")
    target = next((item.get("Target", "") for item in related.of("Relationship") if item.get("Id") == wanted), "")
    path = target.removeprefix("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
    from_1904 = next(book.of("workbookPr"), {}).get("date1904") in ("1", "true")
    return path, _DAY_0_OF_1904 if from_1904 else _DAY_0


def _column(reference: str | None, following: int) -> int:
    """Place of a cell from a reference such as AB12; without one it follows the cell before it."""
    letters = re.match("[A-Z]{1,3}", reference or "")
    if letters is None:
        return following
    place = 0
    for letter in letters[0]:
        place = 26 * place + ord(letter) - ord("A") + 1
    return place - 1

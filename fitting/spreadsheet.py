"""CSV files as shops export them: any usual encoding and separator, read row by row, however long."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from fitting.errors import ShopError

SEPARATORS = ",;\t|"
LONGEST = 1 << 20  # letters of a line: what is longer is no row of a table, and is never held in memory
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffd]")


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used.

    Attributes:
        line: where it begins in its file; the header is line 1.
        name: the id it gives, if any.
        reason: what is wrong, and where that helps, what to do.
    """

    line: int
    name: str
    reason: str


class Sheet:
    """A CSV file, open: `with Sheet(...) as sheet: for line, row in sheet`.

    Attributes:
        columns: those of the known columns that the file has.
        remarks: sentences about how the file was read.
        lines: how many there are, nearly.
    """

    def __init__(self, path: Path, known: Mapping[str, Sequence[str]], required: Sequence[str]) -> None:
        """
        Args:
            path: `.csv`, or `.csv.gz`.
            known: column -> other names it goes by, in small letters without spaces, `_` and `-`.
            required: columns without which nothing can be done.

        Raises:
            ShopError: the file is no CSV, or lacks columns.
        """
        self.path = path
        self._open = ExitStack()
        try:
            content: IO[bytes] = self._open.enter_context(path.open("rb"))
            if path.suffix.lower() == ".gz":
                content = cast(IO[bytes], self._open.enter_context(gzip.GzipFile(fileobj=content)))
            encoding, remark, self.lines = _survey(content, path.name)
            content.seek(0)
            text = io.TextIOWrapper(content, encoding=encoding, errors="replace", newline="")
            self._open.callback(text.detach)
            self.remarks = [remark] if remark else []
            self._begin(_lines(text, path.name), known, required)
        except (OSError, EOFError, zlib.error, csv.Error) as error:
            self._open.close()
            raise ShopError(f"{path.name} cannot be read: {error}") from None
        except ShopError:
            self._open.close()
            raise

    def __enter__(self) -> Sheet:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def __iter__(self) -> Iterator[tuple[int, dict[str, str] | str]]:
        """Line -> values of the file's known columns, stripped; or, of a row that is broken, the reason."""
        while True:
            line = self._offset + self._reader.line_num + 1
            try:
                values = next(self._reader)
            except StopIteration:
                return
            except csv.Error:
                last = self._offset + self._reader.line_num
                place = f"lines {line} to {last}" if last > line else "this line"
                yield line, f'a quotation mark is missing or one too many in {place} (write "" for one in a text)'
                continue
            except (OSError, EOFError, zlib.error):
                raise ShopError(f"{self.path.name} is damaged after line {line - 1}. Export it again.") from None
            if "".join(values).strip():
                yield line, self._row(values)

    def _row(self, values: list[str]) -> dict[str, str] | str:
        if len(values) > self._width and "".join(values[self._width :]).strip():
            return (
                f"has {len(values)} values, but there are {self._width} columns (put texts that contain the separator "
                "in quotation marks)"
            )
        row = {name: values[place].strip() if place < len(values) else "" for name, place in self._places.items()}
        if _UNREADABLE.search("".join(row.values())):
            name = next(name for name, value in row.items() if _UNREADABLE.search(value))
            return f"{name} contains characters that cannot be read (save the file as UTF-8)"
        return row

    def _begin(self, lines: Iterator[str], known: Mapping[str, Sequence[str]], required: Sequence[str]) -> None:
        """Read the header: which separator there is, and which column is where."""
        first = next(lines, "")
        self._offset = 1
        told = re.fullmatch(r"sep=(.)\s*", first)  # a first line that Excel writes
        if told:
            first = next(lines, "")
            self._offset = 2
        choices = told[1] if told else SEPARATORS
        headers = {separator: next(csv.reader([first], delimiter=separator), []) for separator in choices}
        found = {separator: _places(header, known) for separator, header in headers.items()}
        best = max(choices, key=lambda separator: (len(found[separator]), len(headers[separator])))
        self._places, header = found[best], headers[best]
        self._width = len(header)
        self.columns = tuple(self._places)
        missing = [name for name in required if name not in self._places]
        if missing:
            raise ShopError(_lacks(self.path.name, missing, header))
        unused = [name.strip() for place, name in enumerate(header) if place not in self._places.values()]
        if any(unused):
            self.remarks.append(f"{self.path.name}: not used: {', '.join(name for name in unused if name)}.")
        self._reader = csv.reader(lines, delimiter=best, strict=True)


def _lines(text: IO[str], name: str) -> Iterator[str]:
    """Line by line. Raises ShopError at one that is longer than any row."""
    while line := text.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise ShopError(f"{name} has a line of more than a million letters, so it is no table. Export it again.")
        yield line


def _survey(content: IO[bytes], name: str) -> tuple[str, str, int]:
    """A file's encoding, a remark where that is a guess, and how many lines it has. Keeps none of the file."""
    start = content.read(1 << 20)
    if not start.strip():
        raise ShopError(f"{name} is empty.")
    encoding = next((encoding for bom, encoding in _BOMS if start.startswith(bom)), "utf-8")
    if start.startswith((b"PK\x03\x04", b"%PDF")) or (encoding == "utf-8" and b"\0" in start[:4096]):
        raise ShopError(f"{name} is not a text file. In Excel, choose Save as > CSV UTF-8 (comma delimited).")
    remark = ""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = 1
    while start:
        lines += start.count(b"\n") or start.count(b"\r")
        following = content.read(1 << 20)
        if encoding == "utf-8":
            try:
                decoder.decode(start, final=not following)
            except UnicodeDecodeError:
                encoding = "cp1252"
                remark = f"{name} is not in UTF-8; it was read as Windows-1252. Look whether accents are right."
        start = following
    return encoding, remark, lines


def _places(header: Sequence[str], known: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Known column -> its place; a column's own name goes before the other names it has."""
    plain = [re.sub(r"[\s_-]", "", name).lower() for name in header]
    found = {}
    for column, others in known.items():
        for name in (column, *others):
            if name in plain:
                found[column] = plain.index(name)
                break
    return dict(sorted(found.items(), key=lambda entry: entry[1]))


def _lacks(name: str, missing: Sequence[str], header: Sequence[str]) -> str:
    there = ", ".join(value.strip()[:40] for value in header[:12] if value.strip()) or "nothing"
    columns = "the column" if len(missing) == 1 else "the columns"
    return f"{name} lacks {columns} {', '.join(missing)}. Its first line should name the columns; it has: {there}."

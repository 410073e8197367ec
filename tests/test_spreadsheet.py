"""CSV files as they come: encodings, separators, broken rows, and the values people write."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from PIL import Image

from fitting.errors import ShopError
from fitting.events import Event, EventKind
from fitting.garment import Category
from fitting.products import (
    PRODUCT_COLUMNS,
    PRODUCT_REQUIRED,
    read_order,
    read_price,
    read_product,
    read_stock,
    read_time,
)
from fitting.spreadsheet import Sheet


def rows(path: Path) -> list[tuple[int, dict[str, str] | str]]:
    with Sheet(path, PRODUCT_COLUMNS, PRODUCT_REQUIRED) as sheet:
        return list(sheet)


def written(tmp_path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = tmp_path / "products.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_usual_encodings_and_separators_are_found_out(tmp_path: Path, encoding: str, separator: str) -> None:
    text = f"id{separator}title{separator}picture\r\n1{separator}Veste d’été – weiß{separator}tee.jpg\r\n"
    path = written(tmp_path, text, encoding)
    assert rows(path) == [(2, {"id": "1", "title": "Veste d’été – weiß", "picture": "tee.jpg"})]
    with Sheet(path, PRODUCT_COLUMNS, PRODUCT_REQUIRED) as sheet:
        assert [("Windows-1252" in remark) for remark in sheet.remarks] == ([True] if encoding == "cp1252" else [])


def test_an_accent_far_into_a_long_file_is_not_missed(tmp_path: Path) -> None:
    body = "".join(f"{number},tee,tee.jpg\n" for number in range(150_000))
    path = written(tmp_path, ("id,title,picture\n" + body + "x,Été,tee.jpg\n").encode("cp1252"))
    with Sheet(path, PRODUCT_COLUMNS, PRODUCT_REQUIRED) as sheet:
        assert sheet.lines == 150_003
        *_, (line, last) = sheet
    assert (line, last) == (150_002, {"id": "x", "title": "Été", "picture": "tee.jpg"})


def test_compressed_files_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "products.csv.gz"
    path.write_bytes(gzip.compress(b"id,title,picture\n1,Tee,tee.jpg\n"))
    assert rows(path) == [(2, {"id": "1", "title": "Tee", "picture": "tee.jpg"})]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ShopError, match="cannot be read"):
        rows(path)


def test_columns_go_by_other_names_and_in_any_order(tmp_path: Path) -> None:
    path = written(tmp_path, 'sep=;\nImage File;PRODUCT_NAME;Name;"SKU";Shoe size\na.jpg;Wrong;Tee;7;43\n')
    with Sheet(path, PRODUCT_COLUMNS, PRODUCT_REQUIRED) as sheet:
        assert [row for _, row in sheet] == [{"picture": "a.jpg", "title": "Tee", "id": "7"}]
        assert sheet.remarks == ["products.csv: not used: PRODUCT_NAME, Shoe size."]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"  \n \n", "is empty"),
        (b"PK\x03\x04 workbook", "not a text file. In Excel, choose Save as"),
        (b"id,title\0,picture", "not a text file"),
        (b"id,title\n1,Tee\n", "lacks the column picture"),
        (b"1,Tee,tee.jpg\n2,Tee,tee.jpg\n", "lacks the columns id, title, picture. Its first line"),
    ],
)
def test_what_is_no_such_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ShopError, match=r"products\.csv") as caught:
        rows(written(tmp_path, content))
    assert said in str(caught.value)


def test_broken_rows_are_named_by_their_first_line_and_the_rest_is_read(tmp_path: Path) -> None:
    text = (
        "id,title,picture\n"
        '1,"Two\nlines",a.jpg\n'
        "\n"
        "2,Tee, with comma,a.jpg\n"
        '3,"12" wide",a.jpg\n'
        "4,Short\n"
        "5,Bad\x07,a.jpg\n"
        "6,Good,a.jpg,,\n"
        '7,"Open,a.jpg\n8,Tee,a.jpg\n'
    )
    found = dict(rows(written(tmp_path, text)))
    assert found[2] == {"id": "1", "title": "Two\nlines", "picture": "a.jpg"}
    assert "has 4 values, but there are 3 columns" in str(found[5])
    assert "quotation mark" in str(found[6])
    assert found[7] == {"id": "4", "title": "Short", "picture": ""}
    assert "cannot be read" in str(found[8])
    assert found[9] == {"id": "6", "title": "Good", "picture": "a.jpg"}
    assert "quotation mark" in str(found[10]) and "lines 10 to" in str(found[10])
    assert set(found) == {2, 5, 6, 7, 8, 9, 10}


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("", None),
        ("12", 12),
        ("12.50", 12.5),
        ("12,50", 12.5),
        ("£1,234.50", 1234.5),
        ("1.234,50 EUR", 1234.5),
        ("1 234,50 €", 1234.5),
        ("1\u202f234,50\u00a0€", 1234.5),
        ("1'234.50", 1234.5),
        ("1,234", 1234),
        ("1.234", 1234),
        ("0.999", 0.999),
        ("1,234,567", 1234567),
        ("12,-", 12),
        ("CHF 12.90", 12.9),
        ("12 kr", 12),
    ],
)
def test_prices(text: str, price: float | None) -> None:
    assert read_price(text) == price


@pytest.mark.parametrize("text", ["-5", "free", "1,2,3", "1.2.3,4", "12..5", "12,", "nan", "inf", "1e5", "12 or 13"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="price must be a number"):
        read_price(text)


@pytest.mark.parametrize(
    ("text", "stock"),
    [("", None), ("in stock", None), ("12", 12), ("12.0", 12), ("0", 0), ("-2", 0), ("Sold out", 0)],
)
def test_stock(text: str, stock: int | None) -> None:
    assert read_stock(text) == stock


@pytest.mark.parametrize("text", ["many", "1.5", "١x"])
def test_what_is_no_stock_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="stock must be a whole number"):
        read_stock(text)


@pytest.mark.parametrize(
    "text",
    ["2026-03-01 14:30", "2026-03-01T14:30:00Z", "1.3.2026 14:30", "2026-03-01 15:30:00 +0100", "1772375400"],
)
def test_moments(text: str) -> None:
    assert read_time(text) == 1772375400


@pytest.mark.parametrize("text", ["03/04/2026", "yesterday", "2026-13-01", "99999999999999"])
def test_moments_that_cannot_be_known_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="dates must be written"):
        read_time(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "pictures"
    (inside / "summer").mkdir(parents=True)
    for path in (tmp_path / "outside.png", inside / "tee.png", inside / "summer" / "tee.png"):
        Image.new("RGB", (90, 120), "red").save(path)
    (inside / "link.png").symlink_to(tmp_path / "outside.png")
    return inside


ROW = {"id": "1", "title": "Tee", "picture": "tee.png"}


def test_a_full_row(folder: Path) -> None:
    row = {
        **ROW,
        "category": "Jackets",
        "picture": "summer\\tee.png",
        "colours": "red; dark blue / red",
        "price": "9,90",
        "url": "https://example.org/1",
        "stock": "",
        "description": "x" * 9000,
        "added": "2026-03-01",
    }
    product = read_product(row, folder)
    assert product.category is Category.OUTER and product.picture == folder / "summer" / "tee.png"
    assert product.values["colours"] == ("red", "dark blue")
    assert product.values["price"] == 9.9 and product.values["stock"] is None
    assert len(product.values["description"]) == 5000 and product.values["added"] == 1772323200
    assert "pattern" not in product.values  # what the file does not say is not changed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, "id is missing"),
        ({"id": "x" * 201}, "id must be one line of at most 200"),
        ({"title": ""}, "title is missing"),
        ({"title": "a\nb"}, "title must be one line"),
        ({"category": "hat"}, "category must be one of upper, lower, dress, outer, or empty"),
        ({"picture": ""}, "picture is missing"),
        ({"picture": "gone.png"}, "picture 'gone.png' does not exist"),
        ({"picture": "../outside.png"}, "picture must be a file in the folder"),
        ({"picture": "summer/../../outside.png"}, "picture must be a file in the folder"),
        ({"picture": "/etc/hostname"}, "picture must be a file in the folder"),
        ({"picture": "C:\\tee.png"}, "picture must be a file"),
        ({"picture": "\\\\server\\tee.png"}, "picture must be a file in the folder"),
        ({"picture": "link.png"}, "picture must be a file in the folder"),
        ({"picture": "https://example.org/tee.png"}, "not an address; download it"),
        ({"picture": "file:///etc/passwd"}, "not an address"),
        ({"picture": "x" * 5000}, "does not exist"),
        ({"picture": "."}, "does not exist"),
        ({"url": "javascript:alert(1)"}, "url must begin with http"),
        ({"price": "free", "stock": "many"}, "price must be a number such as 24.90, not 'free'; stock must be"),
    ],
)
def test_a_bad_row_says_all_that_is_wrong(folder: Path, change: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_product({**ROW, **change}, folder)
    assert reason in str(caught.value)


def test_orders() -> None:
    row = {"shopper": "anna", "item": "1", "at": "2026-03-01"}
    assert read_order(row) == Event("anna", "1", EventKind.BOUGHT, 1772323200.0)
    assert read_order({**row, "kind": "Viewed"}).kind is EventKind.VIEWED
    for change, reason in (({"kind": "stolen"}, "kind must be one of"), ({"shopper": ""}, "shopper is missing")):
        with pytest.raises(ValueError, match=reason):
            read_order({**row, **change})

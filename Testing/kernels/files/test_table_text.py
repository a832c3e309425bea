import pytest

from mrbiomarkers.files.table_text import decoded, found_delimiter, text_grid

CHINESE = "编号,性别\nP1,男\nP2,女\n"


@pytest.mark.parametrize(
    ("codec", "name", "n_notes"),
    [("utf-8", "UTF-8", 0), ("utf-8-sig", "UTF-8 with byte order mark", 0), ("utf-16", "UTF-16", 0)]
    + [(codec, "GB18030", 1) for codec in ("gb18030", "gbk", "gb2312")],
)
def test_the_encoding_is_found_and_named(codec, name, n_notes):
    grid = text_grid(CHINESE.encode(codec))
    assert grid.cells == [["编号", "性别"], ["P1", "男"], ["P2", "女"]]
    assert grid.source == {"encoding": name, "delimiter": "comma"}
    assert len(grid.notes) == n_notes
    assert all("编号,性别" in note for note in grid.notes)  # something to look at


def test_a_named_encoding_is_taken():
    data = "name;ort\nMüller;Köln\n".encode("cp1252")
    assert text_grid(data, encoding="cp1252").cells[1] == ["Müller", "Köln"]
    with pytest.raises(ValueError, match=r"encoding: expected one that the file has, got 'ascii'"):
        text_grid(data, encoding="ascii")
    with pytest.raises(ValueError, match=r"encoding: .* got 'klingon'"):
        text_grid(data, encoding="klingon")


def test_bytes_of_no_known_encoding_are_refused():
    with pytest.raises(ValueError, match=r"expected UTF-8 or GB18030, got other bytes \(at byte 3\)"):
        decoded(b"caf\xe9 au lait")
    with pytest.raises(ValueError, match="zero bytes"):
        decoded(b"a\0b")
    with pytest.raises(ValueError, match="as its byte order mark says"):
        decoded(b"\xef\xbb\xbf\xff\xff")


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb, c\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ('a;b\n"x;y, z";2\n', ";"),
        ("alone\n1\n", ","),
    ],
)
def test_the_delimiter_is_found(text, delimiter):
    assert found_delimiter(text) == delimiter


def test_where_two_signs_cut_evenly_the_delimiter_must_be_told():
    text = "name, given;age\nLi, Wei;3\n"
    assert text_grid(text.encode()).source["delimiter"] == "comma"
    assert text_grid(text.encode(), delimiter=";").cells[1] == ["Li, Wei", "3"]


def test_rows_keep_their_numbers_and_empty_ones_are_left_out():
    grid = text_grid(b'\n a,b,c\r\n\r\n1,"two\nlines",,\r\n ,,\r\n2\r\n')
    assert grid.cells == [[" a", "b", "c"], ["1", "two\nlines"], ["2"]]
    assert grid.rows == [2, 5, 7]
    assert grid.notes == ["1 rows have fewer cells than the first and are taken as empty at the end: 7"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'a,b\n"1,2\n', "line 2: expected cells that can be told apart"),
        (b"<html><table>", "got HTML or XML"),
    ],
)
def test_what_is_no_delimited_text_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        text_grid(data)


def test_a_delimiter_that_is_none_is_refused():
    with pytest.raises(ValueError, match="delimiter: expected one of"):
        text_grid(b"a b", delimiter=" ")

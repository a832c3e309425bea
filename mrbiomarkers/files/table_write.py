"""Plain tables as CSV files."""

from __future__ import annotations

from pathlib import Path

from mrbiomarkers.checks import check_choice
from mrbiomarkers.files.outputs import write_rows, write_text
from mrbiomarkers.files.paths import PathLike, check_suffix
from mrbiomarkers.tables.dictionary import data_dictionary
from mrbiomarkers.tables.export import spss_csv, tidy_csv, wide_csv
from mrbiomarkers.tables.table import Table

FORMS = ("wide", "tidy", "spss")
_MARK = "\ufeff"


def write_table(path: PathLike, table: Table, *, form: str = "wide") -> list[Path]:
    """Write a table as CSV, and its data dictionary beside it.

    Parameters
    ----------
    path : path
        ``.csv``; the dictionary is ``<name>_dictionary.csv``.
    table : Table
        The table.
    form : str
        ``"wide"``: one column each; ``"tidy"``: one row a value; ``"spss"``: wide with names that SPSS takes. Files for
        SPSS begin with a byte order mark, by which it knows UTF-8.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    ValueError
        When the form is another one, the suffix is not ``.csv``, the table was read from one of these files, or it has
        no column.
    OSError
        When a file cannot be written.
    """
    check_choice("form", form, FORMS)
    check_suffix(path, (".csv",), "a table")
    if not table.columns:
        raise ValueError(f"{table.name}: expected a table with columns, got none")
    target = Path(path)
    beside = target.with_name(f"{target.stem}_dictionary.csv")
    read_from = table.source.get("path")
    for file in (target, beside):
        if read_from and file.resolve() == Path(read_from).resolve():
            raise ValueError(f"{file}: expected another file than the one the table was read from")
    if form == "spss":
        export = spss_csv(table)
        write_text(target, _MARK + export.table)
        write_text(beside, _MARK + export.dictionary)
    else:
        write_text(target, wide_csv(table) if form == "wide" else tidy_csv(table))
        write_rows(beside, [entry.record() for entry in data_dictionary(table)])
    return [target, beside]

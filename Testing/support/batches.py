"""Small cases, work and readers of tables for the tests of batches."""

import csv

from mrbiomarkers.measurements import Measurement, measurements_from_csv
from mrbiomarkers.study import Case

SETTINGS = {"models": ["ivim"], "method": "nlls"}


def row(value, **names):
    """One row of the measurement table."""
    texts = {"subject": "", "timepoint": "", "series": "", "reader": "", "region": "L3", "slice": "all", **names}
    return Measurement(
        **texts, quantity="D", unit="10^-3 mm2/s", model="ivim", fit="", method="mean of map", value=value
    )


def work(case, out, progress):
    """A case of which ``data`` is the value, or the exception it fails with."""
    (out / "map.txt").write_text(str(case.data))
    if isinstance(case.data, BaseException):
        raise case.data
    return [row(case.data)]


def cases(*data):
    """Cases S1, S2 ... with these data."""
    return [Case(f"S{n}", data=value) for n, value in enumerate(data, start=1)]


def no_work(case, out, progress):
    """Work that must not be done."""
    raise AssertionError(f"{case.folder} was made again")


def states(folder):
    """State and reason of each case, as batch.csv says."""
    with (folder / "batch.csv").open(newline="", encoding="utf-8") as stream:
        return {line["case"]: (line["state"], line["reason"]) for line in csv.DictReader(stream)}


def values(folder):
    """Values of measurements.csv by subject, time point and reader."""
    rows = measurements_from_csv((folder / "measurements.csv").read_text(encoding="utf-8"))
    return {(row.subject, row.timepoint, row.reader): row.value for row in rows}


def names(folder):
    """What a folder holds, except the lock, which stays."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".batch.lock")

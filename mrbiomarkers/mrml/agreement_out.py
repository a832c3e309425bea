"""The agreement of two readers as a table of a scene: what is looked at first comes first, under titles to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mrbiomarkers.jobs import ReaderAgreement
from mrbiomarkers.mrml.tables_out import add_record_table

_OWN = "in the unit of the row"
_RECORDS = "MRBiomarkers.Records"  # attribute: the columns in the order of the records

# column of ReaderAgreement.record(): (title, unit, what it is), in the order of the table
_COLUMNS: dict[str, tuple[str, str, str]] = {
    "quantity": ("Quantity", "", "What both readers have measured."),
    "unit": ("Unit", "", "Unit of bias, limits, SD and repeatability in this row; 1: a pure number."),
    "method": ("Method", "", "Mean of the map, fit of the mean signal, or ratio of mean signals."),
    "n": ("Pairs", "", "Number of pairs of values that were compared."),
    "icc": ("ICC", "", "Intraclass correlation coefficient: 1 is perfect agreement."),
    "icc_low": ("ICC from", "", "Lower end of the confidence interval of the coefficient."),
    "icc_high": ("ICC to", "", "Upper end of the confidence interval of the coefficient."),
    "icc_band": ("Agreement", "", "The coefficient in a word: poor, fair, moderate, good or excellent."),
    "bias": ("Bias", "", f"Mean of the differences, first reader minus second, {_OWN}."),
    "lower_limit": ("Lower limit", "", f"95 % of the differences lie above this and below the upper limit, {_OWN}."),
    "upper_limit": ("Upper limit", "", f"95 % of the differences lie below this and above the lower limit, {_OWN}."),
    "repeatability_coefficient": ("Repeatability", "", f"95 % of two readings differ by less than this, {_OWN}."),
    "cv": ("CV", "%", "Coefficient of variation between the readings of a region."),
    "reader_a": ("First reader", "", "Whose values come first in the differences."),
    "reader_b": ("Second reader", "", "Whose values are taken away."),
    "model": ("Model", "", "Signal model of the fit."),
    "fit": ("Fit", "", "How the model was fitted."),
    "n_incomplete": ("Pairs left out", "", "Number of pairs in which a value is missing."),
    "bias_low": ("Bias from", "", f"Lower end of the confidence interval of the bias, {_OWN}."),
    "bias_high": ("Bias to", "", f"Upper end of the confidence interval of the bias, {_OWN}."),
    "lower_limit_low": ("Lower limit from", "", f"Lower end of the confidence interval of the lower limit, {_OWN}."),
    "lower_limit_high": ("Lower limit to", "", f"Upper end of the confidence interval of the lower limit, {_OWN}."),
    "upper_limit_low": ("Upper limit from", "", f"Lower end of the confidence interval of the upper limit, {_OWN}."),
    "upper_limit_high": ("Upper limit to", "", f"Upper end of the confidence interval of the upper limit, {_OWN}."),
    "repeatability_coefficient_low": ("Repeatability from", "", f"Lower end of its confidence interval, {_OWN}."),
    "repeatability_coefficient_high": ("Repeatability to", "", f"Upper end of its confidence interval, {_OWN}."),
    "cv_low": ("CV from", "%", "Lower end of its confidence interval."),
    "cv_high": ("CV to", "%", "Upper end of its confidence interval."),
    "sd_of_differences": ("SD of differences", "", f"Standard deviation of the differences, {_OWN}."),
    "within_sd": ("Within-subject SD", "", f"Standard deviation of the readings of one region, {_OWN}."),
    "within_sd_low": ("Within-subject SD from", "", f"Lower end of its confidence interval, {_OWN}."),
    "within_sd_high": ("Within-subject SD to", "", f"Upper end of its confidence interval, {_OWN}."),
    "slope": ("Slope", "", "Of the regression of the differences on the means: 0 where the bias is the same for all."),
    "slope_low": ("Slope from", "", "Lower end of the confidence interval of the slope."),
    "slope_high": ("Slope to", "", "Upper end of the confidence interval of the slope."),
    "slope_p": ("p of slope", "", "p of a slope of 0; a small one says that the bias changes with the size."),
    "icc_kind": ("ICC kind", "", "Which intraclass correlation it is, in the names of Shrout and Fleiss."),
    "F": ("F", "", "F of the test that the intraclass correlation is 0."),
    "F_p": ("p of F", "", "p of the test that the intraclass correlation is 0."),
    "scale": ("Scale", "", "Scale of the differences."),
    "confidence": ("Confidence", "", "Level of all intervals, of 1."),
}


def add_agreement_table(found: Iterable[ReaderAgreement], name: str) -> Any:
    """Add the agreement of two readers to the scene, a row for each quantity.

    Parameters
    ----------
    found : iterable of ReaderAgreement
        As :func:`mrbiomarkers.jobs.agree_readers` returns them, with differences in the unit of the measurements.
    name : str
        Name of the node; a number is added where it is taken.

    Returns
    -------
    vtkMRMLTableNode
        Every column of :meth:`mrbiomarkers.jobs.ReaderAgreement.record` under its name there, with a title to read:
        first coefficient, bias and limits, then what belongs to them.

    Raises
    ------
    ValueError
        When there is none, or differences on another scale.
    """
    records = [one.record() for one in found]
    scales = sorted({record["scale"] for record in records} - {"difference"})
    if scales:
        raise ValueError(f"found: expected differences in the unit of the measurements, got the scale {scales[0]!r}")
    ordered = [{column: record[column] for column in _COLUMNS} for record in records]
    titles, units, descriptions = ({key: told[n] for key, told in _COLUMNS.items()} for n in range(3))
    node = add_record_table(ordered, name, units, descriptions, titles=titles)
    node.SetAttribute(_RECORDS, " ".join(records[0]))
    return node


def agreement_records(table: Any) -> list[dict[str, Any]]:
    """Return the rows of such a table as :meth:`mrbiomarkers.jobs.ReaderAgreement.record` has them; none of others.

    After a scene was loaded the numbers have the six digits of its files.
    """
    names = (table.GetAttribute(_RECORDS) or "").split()
    columns = {name: table.GetTable().GetColumnByName(name) for name in names}
    if any(column is None for column in columns.values()):
        return []
    count = table.GetNumberOfRows() if names else 0
    return [{name: column.GetValue(row) for name, column in columns.items()} for row in range(count)]

"""The agreement of two readers as a table: everything is there, with titles to read, and first what is looked at."""

from dataclasses import replace

import pytest

from mrbiomarkers.measurements import Measurement

A = (0.50, 0.62, 0.41, 0.73)
B = (0.45, 0.60, 0.43, 0.69)  # differences 0.05, 0.02, -0.02, 0.04: mean 0.0225


def agreements(**options):
    from mrbiomarkers.jobs import agree_readers

    one = Measurement("", "pre", "DWI", "", "L1", "all", "D", "10^-3 mm2/s", "ivim", "nlls", "mean of map", 0.0)
    rows = [
        replace(one, subject=f"S{number}", reader=reader, value=value)
        for reader, values in (("A", A), ("B", B))
        for number, value in enumerate(values)
    ]
    return agree_readers(rows, "A", "B", **options)[0]


def test_every_figure_is_there_under_its_own_name_and_a_title(scene):
    from mrbiomarkers.mrml import add_agreement_table

    found = agreements()
    table = add_agreement_table(found, "Agreement")
    names = [table.GetColumnName(column) for column in range(table.GetNumberOfColumns())]
    titles = [table.GetColumnTitle(name) for name in names]

    assert set(names) == set(found[0].record())
    assert names[:5] == ["quantity", "unit", "method", "n", "icc"]
    assert titles[8:13] == ["Bias", "Lower limit", "Upper limit", "Repeatability", "CV"]
    assert len(set(titles)) == len(titles)
    assert not any("_" in title for title in titles)
    assert all(table.GetColumnDescription(name) for name in names)
    assert table.GetColumnUnitLabel("cv") == "%"
    assert table.GetUseColumnTitleAsColumnHeader()
    assert table.GetTable().GetValueByName(0, "unit").ToString() == "10^-3 mm2/s"
    assert table.GetTable().GetValueByName(0, "bias").ToDouble() == pytest.approx(0.0225)
    assert table.GetTable().GetValueByName(0, "n").ToInt() == 4


def test_differences_on_another_scale_are_refused(scene):
    from mrbiomarkers.mrml import add_agreement_table

    before = scene.GetNumberOfNodes()
    with pytest.raises(ValueError, match="expected differences in the unit of the measurements, got the scale 'log'"):
        add_agreement_table(agreements(scale="log"), "Agreement")
    with pytest.raises(ValueError, match="expected at least one"):
        add_agreement_table([], "Agreement")
    assert scene.GetNumberOfNodes() == before

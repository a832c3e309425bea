"""Charts of a scene: their points and strokes, and texts that VTK can draw."""

import numpy as np
import pytest

from mrbiomarkers.agreement import bland_altman

B = np.array([0.0, 50, 200, 800])
MEAN = np.array([400.0, 380, 330, 200])
SD = np.array([20.0, 15, 10, 250])
FINE = np.linspace(0, 800, 81)


def nodes_of(scene):
    return [scene.GetNthNode(index).GetName() for index in range(scene.GetNumberOfNodes())]


def series_of(chart):
    nodes = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    return {node.GetName(): node for node in nodes}


def points_of(series):
    """x and y (n,) of a series, as its plot takes them."""
    table = series.GetTableNode().GetTable()
    columns = [table.GetColumnByName(name) for name in (series.GetXColumnName(), series.GetYColumnName())]
    return np.array([[column.GetValue(row) for row in range(table.GetNumberOfRows())] for column in columns])


def strokes_of(series):
    """The strokes between the NaN rows, as lists of (x, y)."""
    x, y = points_of(series)
    breaks = np.flatnonzero(np.isnan(x))
    np.testing.assert_array_equal(breaks, np.flatnonzero(np.isnan(y)))
    return [
        [point for point in part.T.tolist() if point[0] == point[0]] for part in np.split(np.array([x, y]), breaks, 1)
    ]


def texts_of(chart):
    return [chart.GetTitle(), chart.GetXAxisTitle(), chart.GetYAxisTitle(), *series_of(chart)]


def test_a_decay_has_points_bars_and_a_series_for_each_curve(scene):
    from mrbiomarkers.mrml.plots_out import add_decay_chart

    curves = {"IVIM": 400 * np.exp(-FINE * 0.0009), "ADC": 390 * np.exp(-FINE * 0.0008)}
    chart = add_decay_chart("L3", B, MEAN, SD, curves, curve_x=FINE)
    series = series_of(chart)

    assert chart.GetName() == "L3 decay"
    assert list(series) == ["L3: mean", "L3: SD", "L3: IVIM", "L3: ADC"]
    np.testing.assert_array_equal(points_of(series["L3: mean"]), [B, MEAN])
    np.testing.assert_array_equal(points_of(series["L3: ADC"]), [FINE, curves["ADC"]])
    assert len({node.GetTableNodeID() for node in series.values()}) == 4
    assert len({node.GetColor() for node in series.values()}) == 4
    assert (chart.GetYAxisLogScale(), chart.GetXAxisLogScale()) == (True, False)
    assert (chart.GetXAxisTitle(), chart.GetYAxisTitle()) == ("b [s/mm^2]", "Signal [a.u.]")
    # the last bar would reach below 0: it ends at a quarter of the smallest mean
    ends = [(380.0, 420.0), (365.0, 395.0), (320.0, 340.0), (50.0, 450.0)]
    assert strokes_of(series["L3: SD"]) == [[[b, low], [b, high]] for b, (low, high) in zip(B, ends, strict=True)]


def test_points_have_markers_and_no_line_and_curves_the_other_way_round(scene):
    from mrbiomarkers.mrml.plots_out import add_decay_chart

    series = series_of(add_decay_chart("L3", B, MEAN, SD, {"fit": FINE + 1}, curve_x=FINE))
    looks = {
        name: (node.GetLineStyleAsString(node.GetLineStyle()), node.GetMarkerStyleAsString(node.GetMarkerStyle()))
        for name, node in series.items()
    }

    assert looks == {"L3: mean": ("none", "circle"), "L3: SD": ("solid", "none"), "L3: fit": ("solid", "none")}
    assert {node.GetPlotTypeAsString(node.GetPlotType()) for node in series.values()} == {"Scatter"}


def test_the_signal_axis_is_linear_where_a_logarithm_has_no_value(scene):
    from mrbiomarkers.mrml.plots_out import add_decay_chart

    below = add_decay_chart("L3", B, [400, 300, 100, -1], SD, {})
    curve = add_decay_chart("L3", B, MEAN, SD, {"fit": FINE - 1}, curve_x=FINE)
    echoes = add_decay_chart("L3", B, MEAN, SD, {}, x_title="TE [ms]", log=False)

    assert not any(chart.GetYAxisLogScale() for chart in (below, curve, echoes))
    assert strokes_of(series_of(below)["L3: SD"])[-1] == [[800, -251], [800, 249]]
    assert echoes.GetXAxisTitle() == "TE [ms]"


def test_values_that_are_missing_are_not_drawn(scene):
    from mrbiomarkers.mrml.plots_out import add_decay_chart

    nan = np.nan
    chart = add_decay_chart("L3", B, [400, nan, 330, 200], [nan, 1, 10, 20], {})
    bare = add_decay_chart("L4", B, MEAN, 4 * [nan], {})

    assert points_of(series_of(chart)["L3: mean"]).tolist() == [[0, 200, 800], [400, 330, 200]]
    assert strokes_of(series_of(chart)["L3: SD"]) == [[[200, 320], [200, 340]], [[800, 180], [800, 220]]]
    assert list(series_of(bare)) == ["L4: mean"]


def test_agreement_shows_every_pair_and_says_bias_and_limits(scene):
    from mrbiomarkers.mrml.plots_out import add_agreement_chart

    a = np.array([0.5, 0.6, 0.7, 0.8, np.nan])
    b = np.array([0.6, 0.6, 0.6, 0.9, 0.5])
    chart = add_agreement_chart(bland_altman(a, b), "D", readers=("A", "B"))
    series = series_of(chart)
    spread = 1.959963984540054 * np.std([-0.1, 0, 0.1, -0.1], ddof=1)
    expected = {"upper limit": -0.025 + spread, "bias": -0.025, "lower limit": -0.025 - spread}

    assert list(series) == ["D: pairs", *(f"D: {word} {value:.3g}" for word, value in expected.items())]
    np.testing.assert_allclose(points_of(series["D: pairs"]), [(a + b)[:4] / 2, (a - b)[:4]])
    for word, value in expected.items():
        np.testing.assert_allclose(points_of(series[f"D: {word} {value:.3g}"]), [[0.55, 0.85], 2 * [value]])
    assert chart.GetXAxisTitle() == "Mean of A and B, D [10^-3 mm^2/s]"
    assert chart.GetYAxisTitle() == "A - B [10^-3 mm^2/s]"
    assert chart.GetTitle() == "D: 4 pairs"
    assert chart.GetYAxisRange()[0] < expected["lower limit"] < expected["upper limit"] < chart.GetYAxisRange()[1]


@pytest.mark.parametrize(
    ("scale", "key", "title"),
    [
        ("difference", "PDFF", "reader 1 - reader 2 [percentage points]"),
        ("percent", "alpha", "reader 1 - reader 2 [% of the mean]"),
        ("log", "volume [mm3]", "reader 1 / reader 2"),
    ],
)
def test_the_axis_says_what_a_difference_is(scene, scale, key, title):
    from mrbiomarkers.mrml.plots_out import add_agreement_chart

    a, b = np.array([1.0, 2, 30]), np.array([1.1, 2.2, 27])
    chart = add_agreement_chart(bland_altman(a, b, scale=scale), key)

    assert chart.GetYAxisTitle() == title
    assert chart.GetXAxisLogScale() == (scale == "log")
    assert chart.GetXAxisRange()[0] < 1.05
    assert chart.GetXAxisRange()[1] > 28.5


def test_boxes_reach_from_quartile_to_quartile_and_whiskers_to_the_last_near_value(scene):
    from mrbiomarkers.mrml.plots_out import add_box_chart

    groups = {"benign": [5.0, 1, 2, 3, 4, 20, np.nan], "malignant": [7.0]}
    chart = add_box_chart(groups, "D [10^-3 mm^2/s]")
    series = series_of(chart)
    box, lower, lower_cap, upper, upper_cap = strokes_of(series["D: benign (n = 6)"])

    assert list(series) == ["D: benign (n = 6)", "D: malignant (n = 1)", "D: median", "D: values"]
    assert sorted({y for _, y in box}) == [2.25, 4.75]
    assert box[0] == box[-1]
    assert (lower, upper) == ([[1, 2.25], [1, 1]], [[1, 4.75], [1, 5]])
    assert [{y for _, y in cap} for cap in (lower_cap, upper_cap)] == [{1}, {5}]
    assert [stroke[0][1] for stroke in strokes_of(series["D: median"])] == [3.5, 7]
    x, y = points_of(series["D: values"])
    assert sorted(y[np.round(x) == 1]) == [1, 2, 3, 4, 5, 20]
    assert np.unique(x).size == 7
    assert chart.GetXAxisTitle() == "1: benign, 2: malignant"
    assert chart.GetXAxisRange() == (0.5, 2.5)
    assert chart.GetYAxisRange()[1] > 20


def test_every_text_is_ascii_with_its_meaning_kept(scene):
    from mrbiomarkers.mrml.plots_out import add_box_chart, add_decay_chart

    chart = add_decay_chart("Läsion α", B, MEAN, SD, {"Δ−fit": FINE + 1}, curve_x=FINE, x_title="b [s/mm²]")
    boxes = add_box_chart({"病": [1.0, 2]}, "D [10⁻³ mm²/s]", title="R2* [s⁻¹]")

    assert chart.GetName() == "Läsion α decay"  # nodes are shown by Qt
    assert texts_of(chart)[:2] == ["Lasion alpha", "b [s/mm^2]"]
    assert list(series_of(chart)) == ["Lasion alpha: mean", "Lasion alpha: SD", "Lasion alpha: d-fit"]
    assert texts_of(boxes)[:3] == ["R2* [s^-1]", "1: ?", "D [10^-3 mm^2/s]"]
    assert all(text.isascii() for text in (*texts_of(chart), *texts_of(boxes)))


def test_a_second_chart_leaves_the_first_and_its_legend_alone(scene):
    from mrbiomarkers.mrml.plots_out import add_agreement_chart

    result = bland_altman([1.0, 2, 3], [1.5, 2, 2.5])
    first, second = (add_agreement_chart(result, "D") for _ in range(2))

    assert (first.GetName(), second.GetName()) == ("agreement in D", "agreement in D_1")
    assert not set(series_of(first)) & set(series_of(second))
    for one, other in zip(series_of(first), series_of(second), strict=True):
        assert other == one.replace("D:", "D (2):")


def test_a_scene_file_keeps_the_chart_and_its_gaps(scene, tmp_path):
    from mrbiomarkers.mrml.plots_out import add_decay_chart
    from Testing.support import slicer_core

    add_decay_chart("L3", B, MEAN, SD, {"fit": FINE + 1}, curve_x=FINE)
    assert scene.WriteToMRB(str(tmp_path / "s.mrb"))
    again = slicer_core.start()
    again.ReadFromMRB(str(tmp_path / "s.mrb"), True)
    chart = again.GetFirstNodeByName("L3 decay")

    assert list(series_of(chart)) == ["L3: mean", "L3: SD", "L3: fit"]
    assert len(strokes_of(series_of(chart)["L3: SD"])) == 4
    assert chart.GetYAxisLogScale()
    assert chart.GetTitle() == "L3"


def test_what_cannot_be_drawn_leaves_the_scene_as_it_was(scene, monkeypatch):
    from mrbiomarkers.mrml import plots_out

    names = nodes_of(scene)
    nan = np.nan
    wrong = [
        (lambda: plots_out.add_decay_chart("L3", B, MEAN[1:], SD, {}), "mean: expected 4 values.*got 3"),
        (lambda: plots_out.add_decay_chart("L3", B, MEAN, SD[1:], {}), "sd: expected 4 values"),
        (lambda: plots_out.add_decay_chart("L3", B, MEAN, SD, {"fit": B}), r"curves\['fit'\]: expected 0 values"),
        (lambda: plots_out.add_decay_chart("L3", B, 4 * [nan], SD, {}), "at least one finite mean"),
        (lambda: plots_out.add_decay_chart("L3", B, MEAN, -SD, {}), "no negative sd"),
        (lambda: plots_out.add_decay_chart("L3", [nan, 1, 2, 3], MEAN, SD, {}), "finite x"),
        (lambda: plots_out.add_decay_chart("L3", [B], MEAN, SD, {}), "x: expected 1 dimensions"),
        (lambda: plots_out.add_agreement_chart(bland_altman(np.eye(3), np.ones((3, 3))), "D"), "expected one column"),
        (lambda: plots_out.add_agreement_chart(bland_altman([1.0, nan], [1.0, 2]), "D"), "at least two pairs"),
        (lambda: plots_out.add_box_chart({}, "D"), "groups: expected at least one"),
        (lambda: plots_out.add_box_chart({"a": [nan]}, "D"), r"groups\['a'\]: expected at least one finite value"),
    ]
    for call, message in wrong:
        with pytest.raises(ValueError, match=message):
            call()
    made, whole = [], plots_out._add_series

    def fails_at_the_second(*arguments):
        made.append(whole(*arguments))
        return made[-1] if len(made) < 2 else 1 / 0

    monkeypatch.setattr(plots_out, "_add_series", fails_at_the_second)
    with pytest.raises(ZeroDivisionError):
        plots_out.add_decay_chart("L3", B, MEAN, SD, {})

    assert len(made) == 2
    assert nodes_of(scene) == names

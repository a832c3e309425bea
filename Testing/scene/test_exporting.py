"""Results of a scene to files: read back by their own readers, whole or not there at all."""

import csv
import errno
import json
import os
import re

import numpy as np
import pytest

from mrbiomarkers.files import read_points, read_regions
from mrbiomarkers.files.parameter_maps import read_map
from mrbiomarkers.jobs import run_diffusion
from mrbiomarkers.measurements import measurements_from_csv
from mrbiomarkers.settings import DiffusionSettings, MeasureSettings, PlacementSettings

SETTINGS = DiffusionSettings(models=("adc", "ivim"))
WHO = MeasureSettings(subject="S01", timepoint="pre", reader="A")


@pytest.fixture
def spine(ivim):
    """A simulated spine, fitted and measured by two readers: ``Results`` by the names of its fields, and the nodes."""
    from types import SimpleNamespace

    from mrbiomarkers.panels.export.export_contents import maps_of

    sample = ivim.createSampleData(shape=(6, 48, 48))
    fitted = ivim.fit(sample["series"], settings=SETTINGS)
    readers = {
        name: ivim.placeVertebrae(
            sample["points"], sample["series"], settings=PlacementSettings(size=size)
        ).segmentation
        for name, size in (("A", 0.7), ("B", 0.5))
    }
    measured = ivim.measure(fitted.maps, readers, series=sample["series"], settings=SETTINGS, identity=WHO)
    given = {
        "identity": WHO,
        "table": measured.table,
        "measurements": measured.table,
        "maps": maps_of([sample["series"]]),
        "regions": readers["A"],
        "points": sample["points"],
        "image": sample["series"],
    }
    return SimpleNamespace(given=given, measured=measured, fitted=fitted, sample=sample, readers=readers, logic=ivim)


def export(folder, given, *parts, **options):
    from mrbiomarkers.panels.export.export_contents import Results
    from mrbiomarkers.panels.export.exporting import export_results

    return export_results(folder, Results(**given), parts, **options)


def left_in(folder):
    """Everything below a folder, hidden names too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_the_table_reads_back_equal_and_with_all_digits(spine, tmp_path):
    from mrbiomarkers.mrml import measurements_of

    done = export(tmp_path, spine.given, "table")
    rows = measurements_from_csv((done.folder / "measurements.csv").read_text(encoding="utf-8"))

    assert done.files == ("measurements.csv",)
    assert done.folder == tmp_path / "S01_pre_A"
    assert repr(rows) == repr(measurements_of(spine.measured.table))  # NaN is equal to itself in words only
    assert any(len(repr(row.value)) > 10 for row in rows)


def test_an_agreement_table_is_as_the_command_writes_it(spine, tmp_path):
    from mrbiomarkers.files import write_rows
    from mrbiomarkers.jobs import agree_readers
    from mrbiomarkers.mrml import measurements_of

    table = spine.logic.agreement(spine.measured.table, "A", "B").table
    found, _ = agree_readers(measurements_of(spine.measured.table), "A", "B")
    write_rows(tmp_path / "command.csv", [one.record() for one in found])
    done = export(tmp_path, {**spine.given, "table": table}, "table")

    assert done.files == ("agreement.csv",)
    assert (done.folder / "agreement.csv").read_bytes() == (tmp_path / "command.csv").read_bytes()


def test_a_summary_has_its_units_in_the_header(spine, tmp_path):
    done = export(tmp_path, {**spine.given, "table": spine.measured.summary}, "table")
    with (done.folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        cells = next(csv.DictReader(file))
    (row,) = (
        row
        for row in measurements_from_csv(
            (export(tmp_path, spine.given, "table").folder / "measurements.csv").read_text(encoding="utf-8")
        )
        if (row.region, row.reader, row.quantity, row.method) == ("L1", "A", "D", "mean of map")
    )

    assert float(cells["D [10^-3 mm2/s]"]) == row.value
    assert (cells["region"], cells["reader"]) == ("L1", "A")


def test_maps_read_back_with_their_status_and_what_they_are(spine, tmp_path):
    from mrbiomarkers.mrml import parameter_map

    done = export(tmp_path, spine.given, "maps")

    assert {name for name in done.files if name.endswith(".nrrd")} == {
        *(f"{name}.nrrd" for name in spine.fitted.maps),
        "status_adc.nrrd",
        "status_ivim.nrrd",
    }
    for name, node in spine.fitted.maps.items():
        written, known = read_map(done.folder / f"{name}.nrrd"), parameter_map(node)
        np.testing.assert_array_equal(written.values, known.values)
        np.testing.assert_allclose(written.affine, known.affine, atol=1e-9)
        assert (written.quantity.key, written.unit) == (known.quantity.key, known.unit)
    flags = read_map(done.folder / "status_ivim.nrrd", key="f", unit="1").values
    series = spine.logic.readSeries(spine.sample["series"])
    np.testing.assert_array_equal(flags, run_diffusion(series, {}, settings=SETTINGS).status["ivim"])
    assert json.loads((done.folder / "status_ivim.json").read_text())["model"] == "ivim"


def test_the_model_of_each_voxel_goes_with_the_maps(spine, tmp_path):
    import slicer

    settings = DiffusionSettings(models=("adc", "ivim"), selection=True)
    fitted = spine.logic.fit(spine.sample["series"], settings=settings)
    best = fitted.maps["best_model"]
    done = export(tmp_path, {**spine.given, "best_model": best}, "maps")
    numbers = json.loads((done.folder / "best_model.json").read_text())["numbers"]

    written = read_map(done.folder / "best_model.nrrd", key="f", unit="1").values
    np.testing.assert_array_equal(written, slicer.util.arrayFromVolume(best))
    assert numbers["0"] == "not compared"
    assert "IVIM" in numbers.values()


def test_regions_and_points_read_back_where_they_were(spine, tmp_path):
    from mrbiomarkers.mrml import drawn_regions, level_points, masks_on, parameter_map

    done = export(tmp_path, spine.given, "regions")
    written = read_regions(done.folder / "regions.seg.nrrd")
    points = read_points(done.folder / "points.mrk.json")
    known = parameter_map(spine.fitted.maps["D"])
    masks, _ = masks_on(drawn_regions(spine.readers["A"]), known.values.shape, known.affine)

    assert done.files == ("points.mrk.json", "regions.seg.nrrd")
    assert list(written) == list(masks)
    for name, mask in masks.items():
        np.testing.assert_array_equal(written[name].values, mask)
    for level, place in level_points(spine.sample["points"]).items():
        np.testing.assert_allclose(points[level], place, atol=1e-6)


def test_figures_are_drawn_of_charts_and_maps_and_are_not_blank(spine, tmp_path):
    matplotlib_image = pytest.importorskip("matplotlib.image")
    spine.logic.agreement(spine.measured.table, "A", "B", quantities=["D", "S0"])
    done = export(tmp_path, spine.given, "figures")

    decays = {f"decay_{reader}_{level}.png" for reader in "AB" for level in ("L1", "L2", "L3", "L4", "L5")}
    compared = {"agreement_D_ivim_mean_of_map.png", "agreement_D_ivim_fit_of_mean_signal.png"}  # S0 says nothing
    maps = {"regions.png", *(f"maps_L{number}.png" for number in range(1, 6))}
    assert set(done.files) == decays | compared | maps
    assert done.notes == ()
    for name in ("decay_A_L3.png", "agreement_D_ivim_mean_of_map.png", "maps_L3.png", "regions.png"):
        pixels = matplotlib_image.imread(done.folder / name)[..., :3]
        assert pixels.shape[0] > 400
        assert 0.005 < np.mean(pixels.min(axis=-1) < 0.6) < 0.95


def test_a_chart_whose_table_is_gone_is_named_and_the_rest_is_drawn(spine, tmp_path):
    import slicer

    pytest.importorskip("matplotlib")
    charts = [spine.measured.charts["A L1"], spine.measured.charts["A L2"]]
    curve = next(
        node
        for node in slicer.util.getNodesByClass("vtkMRMLPlotSeriesNode")
        if charts[0].HasPlotSeriesNodeID(node.GetID()) and "IVIM" in node.GetName()
    )
    table = curve.GetTableNode().GetTable()
    while table.GetNumberOfRows() > 1:
        table.RemoveRow(1)
    done = export(tmp_path, {**spine.given, "charts": charts, "regions": None, "maps": {}}, "figures")

    assert done.files == ("decay_A_L2.png",)
    assert re.search(r"figure decay_A_L1: not drawn; .*two points", done.notes[0])


def test_a_second_export_gets_a_folder_of_its_own(spine, tmp_path):
    first = export(tmp_path, spine.given, "table")
    before = (first.folder / "measurements.csv").read_bytes()
    (first.folder / "notes of the reader.txt").write_text("mine")
    second = export(tmp_path, spine.given, "table", "regions")

    assert (first.folder.name, second.folder.name) == ("S01_pre_A", "S01_pre_A_2")
    assert left_in(first.folder) == ["measurements.csv", "notes of the reader.txt"]
    assert (first.folder / "measurements.csv").read_bytes() == before


def test_without_a_subject_the_folder_has_no_name_of_a_node(spine, tmp_path):
    spine.sample["series"].SetName("DOE JANE")
    spine.measured.table.SetName("Measurements of DOE JANE")
    done = export(tmp_path, {**spine.given, "identity": MeasureSettings()}, "table", "maps", "regions")

    assert done.folder.name == "export"
    assert not [name for name in done.files if "DOE" in name]
    for path in done.folder.rglob("*"):
        assert b"DOE" not in path.read_bytes(), path.name


def test_a_cancelled_export_leaves_nothing(spine, tmp_path):
    told = []

    def progress(done, total):
        told.append(done / total)
        return len(told) < 5

    with pytest.raises(InterruptedError):
        export(tmp_path, spine.given, "table", "maps", "regions", progress=progress)
    assert left_in(tmp_path) == []
    assert told == sorted(told)


def test_a_full_disk_leaves_no_half_file_and_is_said(spine, tmp_path, monkeypatch):
    from mrbiomarkers.panels.export import export_jobs

    def full(path, points):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(export_jobs, "write_points", full)
    with pytest.raises(OSError, match="the disk is full; nothing was exported"):
        export(tmp_path, spine.given, "table", "regions")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("where", ["missing", "file", "/proc"])
def test_a_folder_that_cannot_be_written_is_said(spine, tmp_path, where):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"no such folder|cannot write there"):
        export(tmp_path / where, spine.given, "table")
    assert left_in(tmp_path) == ["file"]


def test_regions_beside_the_image_are_refused_before_anything_is_written(spine, tmp_path):
    from mrbiomarkers.mrml import add_segmentation

    far = np.diag([4.0, 4.0, 4.0, 1.0])
    far[:3, 3] = 5000
    masks = {"L1": np.ones((2, 3, 3), dtype=bool)}
    with pytest.raises(ValueError, match="L1"):
        export(tmp_path, {**spine.given, "regions": add_segmentation("far", masks, far)}, "table", "regions")
    assert left_in(tmp_path) == []


def test_a_damaged_table_is_refused(spine, tmp_path):
    spine.measured.table.GetTable().RemoveColumnByName("value")
    with pytest.raises(ValueError, match="value"):
        export(tmp_path, spine.given, "table")
    assert left_in(tmp_path) == []


@pytest.mark.parametrize(
    ("parts", "taken", "missing"),
    [
        ((), (), ["parts"]),
        (("table", "maps", "regions"), ("table", "maps", "regions", "points"), ["table", "maps", "regions"]),
        (("regions",), ("regions",), []),
        (("figures",), ("maps", "regions"), []),  # there are charts
        (("dicom",), (), ["source"]),
    ],
)
def test_what_is_missing(spine, parts, taken, missing):
    from mrbiomarkers.panels.export.export_contents import Results
    from mrbiomarkers.panels.export.exporting import lacking

    given = {**spine.given, **{name: {} if name == "maps" else None for name in taken}}
    assert lacking(Results(**given), parts) == missing


def test_what_is_hidden_from_a_blinded_reader_is_not_exported(spine):
    from mrbiomarkers.panels.export.export_contents import charted, latest_table

    spine.measured.table.SetHideFromEditors(True)
    for name, chart in spine.measured.charts.items():
        chart.SetHideFromEditors(name.startswith("A"))

    assert latest_table("measurements") is None
    assert {decay.region for decay in charted(False)[0]} == {f"B L{number}" for number in range(1, 6)}
    assert charted(True) == ([], [])


def test_packages_that_are_not_there_leave_their_part_out(program, monkeypatch):
    from mrbiomarkers.panels.export import exporting

    def refuse(name, requirement, purpose):
        raise ImportError(f"{purpose} needs the Python package {name}")

    monkeypatch.setattr(exporting, "ensure_package", refuse)
    parts, notes = exporting.affordable({"dicom", "table", "figures"})

    assert parts == ["table"]
    assert ["matplotlib" in notes[0], "highdicom" in notes[1]] == [True, True]

"""Results of a scene as DICOM objects: values, references and identity read back; wrong folders are refused."""

import numpy as np
import pytest
from pydicom import dcmread

from mrbiomarkers.settings import DiffusionSettings, MeasureSettings
from Testing.support.dicom.datasets import PATIENT
from Testing.support.dicom.folders import anatomical, files_of, scatter
from Testing.support.dicom.ge import ge_diffusion, ge_diffusion_plain
from Testing.support.dicom.siemens import siemens_echoes
from Testing.support.dicom_results import identity_left, places, regions

pytest.importorskip("highdicom")
WHO = MeasureSettings(subject="S01", timepoint="pre", reader="A")
SETTINGS = DiffusionSettings(models=("adc",))


@pytest.fixture
def made(ivim, tmp_path):
    """A diffusion series from a DICOM folder, fitted and measured; as ``Results``."""
    from mrbiomarkers.mrml import add_segmentation
    from mrbiomarkers.panels.export.export_contents import Results

    truth = ge_diffusion(tmp_path / "dicom")
    series = ivim.importFolder(truth.folder).series["diffusion"]
    fitted = ivim.fit(series, settings=SETTINGS)
    masks = regions(truth.signal.shape[:3])
    drawn = add_segmentation("regions", {name: masks[name] for name in ("L1", "L3")}, truth.affine)
    measured = ivim.measure(fitted.maps, {"A": drawn}, identity=WHO)
    results = Results(
        WHO, table=measured.table, measurements=measured.table, maps=fitted.maps, regions=drawn, image=series
    )
    return truth, results


def export(folder, results, source, **options):
    from mrbiomarkers.panels.export.export_dicom import DicomWish
    from mrbiomarkers.panels.export.exporting import export_results

    progress = options.pop("progress", None)
    folder.mkdir(exist_ok=True)
    return export_results(folder, results, ("dicom",), dicom=DicomWish(source, **options), progress=progress)


def numbers_of(item):
    """Every number of a report, however deep."""
    own = [float(one.NumericValue) for one in item.get("MeasuredValueSequence", []) if "NumericValue" in one]
    return own + [number for inner in item.get("ContentSequence", []) for number in numbers_of(inner)]


def test_objects_hold_the_values_of_the_nodes_and_no_patient(made, tmp_path):
    from mrbiomarkers.mrml import measurements_of, parameter_map

    truth, results = made
    done = export(tmp_path / "out", results, truth.folder)
    folder = done.folder / "dicom"
    known = parameter_map(results.maps["ADC"])
    stored = dcmread(folder / "ADC.dcm")
    frames = np.frombuffer(stored.FloatPixelData, "<f4").reshape(-1, stored.Rows, stored.Columns)
    index = (places(stored, frames) - known.affine[:3, 3]) @ np.linalg.inv(known.affine[:3, :3]).T
    i, j, k = np.moveaxis(np.rint(index).astype(int), -1, 0)

    assert set(done.files) >= {"dicom/ADC.dcm", "dicom/regions.dcm", "dicom/report.dcm"}
    np.testing.assert_allclose(index, np.rint(index), atol=2e-3)
    np.testing.assert_array_equal(frames, known.values[k, j, i])
    assert np.isfinite(frames).any()
    segments = dcmread(folder / "regions.dcm")
    assert [segment.SegmentLabel for segment in segments.SegmentSequence] == ["L1", "L3"]
    assert int(segments.pixel_array.sum()) == sum(mask.sum() for mask in two(truth).values())
    report = numbers_of(dcmread(folder / "report.dcm"))
    for row in measurements_of(results.measurements):
        assert any(abs(number - row.value) < 1e-6 * max(1, abs(row.value)) for number in report), row
    for path in folder.glob("*.dcm"):
        assert identity_left(path) == []
        assert dcmread(path).PatientID == "S01"


def two(truth):
    return {name: mask for name, mask in regions(truth.signal.shape[:3]).items() if name in ("L1", "L3")}


def test_kept_identity_is_that_of_the_images_and_is_said(made, tmp_path):
    truth, results = made
    done = export(tmp_path / "out", results, truth.folder, keep_identity=True)

    assert str(dcmread(done.folder / "dicom" / "ADC.dcm").PatientName) == PATIENT["PatientName"]
    assert "the DICOM objects name the patient" in done.notes


def test_a_series_is_named_where_there_are_several(made, tmp_path):
    truth, results = made
    other = ge_diffusion_plain(tmp_path / "other").folder
    number = dcmread(next(truth.folder.rglob("*.dcm"))).SeriesInstanceUID
    heap = scatter(tmp_path / "heap", truth.folder, other)

    with pytest.raises(ValueError, match=r"Source DICOM folder: expected one diffusion series.*field Series"):
        export(tmp_path / "out", results, heap)
    assert list((tmp_path / "out").iterdir()) == []
    assert "dicom/ADC.dcm" in export(tmp_path / "out", results, heap, series=str(number)).files


@pytest.mark.parametrize("wrong", ["gone", "empty", "anatomical", "echoes"])
def test_a_wrong_folder_is_said_before_anything_is_written(made, tmp_path, wrong):
    folder = tmp_path / wrong
    {
        "gone": lambda: None,
        "empty": folder.mkdir,
        "anatomical": lambda: anatomical(folder),
        "echoes": lambda: siemens_echoes(folder),
    }[wrong]()
    with pytest.raises(ValueError, match="Source DICOM folder: ") as error:
        export(tmp_path / "out", made[1], folder)
    assert str(folder) not in str(error.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_maps_of_another_grid_are_said(made, ivim, tmp_path):
    from dataclasses import replace

    sample = ivim.createSampleData(shape=(6, 48, 48))
    maps = ivim.fit(sample["series"], settings=SETTINGS).maps
    with pytest.raises(ValueError, match="expected the series that the maps were made from; ADC has"):
        export(tmp_path / "out", replace(made[1], maps=maps), made[0].folder)
    assert list((tmp_path / "out").iterdir()) == []


def test_without_measurements_the_report_is_left_out_and_that_is_said(made, tmp_path):
    from dataclasses import replace

    done = export(tmp_path / "out", replace(made[1], measurements=None), made[0].folder)

    assert "dicom/report.dcm" not in done.files
    assert any("no report" in note for note in done.notes)


def test_a_cancel_at_any_step_leaves_nothing(made, tmp_path):
    told = []
    export(tmp_path / "whole", made[1], made[0].folder, progress=lambda done, total: told.append(done) or True)
    for steps in (1, len(told) // 2, len(told) - 1):
        left = iter([True] * steps)
        with pytest.raises(InterruptedError):
            export(tmp_path / "out", made[1], made[0].folder, progress=lambda *_, left=left: next(left, False))
        assert list((tmp_path / "out").iterdir()) == []
    assert told == sorted(told)


def test_echoes_are_found_too(ideal, tmp_path):
    from mrbiomarkers.panels.export.export_contents import Results

    truth = siemens_echoes(tmp_path / "dicom")
    parts = ideal.importFolder(truth.folder).series
    fitted = ideal.fit(**parts)
    results = Results(WHO, is_echo=True, maps={"PDFF": fitted.maps["PDFF"]}, image=parts["magnitude"])
    done = export(tmp_path / "out", results, truth.folder, is_echo=True)

    assert done.files == ("dicom/PDFF.dcm",)


def test_another_patient_on_the_same_grid_is_refused(made, ivim, tmp_path):
    results = made[1]
    other = ge_diffusion(tmp_path / "other").folder
    noise = np.random.default_rng(5)
    for path in files_of(other):
        header = dcmread(path)
        header.PixelData = noise.integers(0, 4000, header.pixel_array.size).astype("<u2").tobytes()
        header.save_as(path)
    with pytest.raises(ValueError, match="may be of another patient"):
        export(tmp_path / "out", results, other)
    assert list((tmp_path / "out").iterdir()) == []

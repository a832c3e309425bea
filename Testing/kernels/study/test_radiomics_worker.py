"""One case of radiomics from its files: every kind of image and mask, and files that cannot be used."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from mrbiomarkers.files import Volume, write_map_with_sidecar, write_regions, write_volume
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity
from mrbiomarkers.radiomics import extract
from mrbiomarkers.settings import RadiomicsSettings
from mrbiomarkers.settings.radiomics_presets import RadiomicsRecipe, radiomics_preset
from mrbiomarkers.study.messages import receive, send
from mrbiomarkers.study.radiomics_cases import RadiomicsCase
from mrbiomarkers.study.radiomics_worker import RadiomicsTask, measure_case
from mrbiomarkers.tables.features import features_from_csv
from Testing.support.dicom import ge
from Testing.support.radiomics_images import notched_ellipsoid, pattern
from Testing.support.source_tree import ROOT
from Testing.support.volumes import oblique_affine

AFFINE = oblique_affine((0.9, 1.1, 2.0))
BALL = notched_ellipsoid()
OTHER = np.roll(BALL, 1, axis=2) & ~BALL


@pytest.fixture
def measure(tmp_path):
    """Measure a case in a folder that has an image and masks of several kinds."""
    write_volume(tmp_path / "image.nii.gz", Volume(pattern(), AFFINE))
    write_volume(tmp_path / "ball.mha.nrrd", Volume(BALL, AFFINE))
    write_volume(tmp_path / "labels.nrrd", Volume(BALL * 2 + OTHER * np.uint8(5), AFFINE))
    write_regions(tmp_path / "named.seg.nrrd", {"tumour": BALL, "node": OTHER}, AFFINE)
    write_regions(tmp_path / "legend.nii.gz", {"tumour": BALL, "node": OTHER}, AFFINE)

    def measured(image, mask, *, settings=None, known="", **columns):
        case = RadiomicsCase("S1", image, mask, folder=str(tmp_path), **columns)
        recipe = RadiomicsRecipe("r", (settings or RadiomicsSettings(families=("firstorder",)),))
        answer = measure_case(RadiomicsTask(case, recipe, known_inputs=known))
        return answer, features_from_csv(answer.table) if answer.table else []

    return measured


def mean(row):
    return row.features["original_firstorder_Mean"]


@pytest.mark.parametrize(
    ("mask", "columns", "expected"),
    [
        ("ball.mha.nrrd", {}, {"label_1": BALL}),
        ("ball.mha.nrrd", {"region": "tumour"}, {"tumour": BALL}),
        ("labels.nrrd", {}, {"label_2": BALL, "label_5": OTHER}),
        ("labels.nrrd", {"label": "5"}, {"label_5": OTHER}),
        ("labels.nrrd", {"label": "5", "region": "node"}, {"node": OTHER}),
        ("named.seg.nrrd", {}, {"tumour": BALL, "node": OTHER}),
        ("named.seg.nrrd", {"region": "node"}, {"node": OTHER}),
        ("named.seg.nrrd", {"label": "2"}, {"label_2": OTHER}),
        ("legend.nii.gz", {"region": "node"}, {"node": OTHER}),
        ("legend.nii.gz", {"label": "1", "region": "x"}, {"x": BALL}),
    ],
)
def test_regions_of_every_kind_of_mask(measure, mask, columns, expected):
    _, rows = measure("image.nii.gz", mask, **columns)
    assert [row.region for row in rows] == list(expected)
    for row in rows:
        assert row.n_voxels == expected[row.region].sum()
        assert mean(row) == pytest.approx(pattern()[expected[row.region]].mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("mask", "columns", "message"),
    [
        ("labels.nrrd", {"label": "3"}, "expected voxels of label 3, but it has labels 2, 5"),
        ("labels.nrrd", {"region": "x"}, "expected a region 'x', got label_2, label_5; the column label says"),
        ("named.seg.nrrd", {"region": "x"}, "expected a region 'x', got tumour, node"),
        ("named.seg.nrrd", {"label": "9"}, "expected voxels of label 9, but it has labels 1, 2"),
    ],
)
def test_regions_that_are_not_there_are_named_with_those_that_are(measure, mask, columns, message):
    _, rows = measure("image.nii.gz", mask, **columns)
    assert rows[0].status == "failed"
    assert message in rows[0].reason


def test_the_label_of_the_settings_chooses_where_the_table_does_not(measure):
    _, rows = measure("image.nii.gz", "labels.nrrd", settings=RadiomicsSettings(label=5, families=("firstorder",)))
    assert [row.region for row in rows] == ["label_5"]


def test_the_same_as_the_kernel_gives_for_the_files(measure, tmp_path):
    settings = RadiomicsSettings(filters=("original", "wavelet", "log"), log_sigma=(2,), spacing=(1, 1, 1))
    # New voxels whose centres lie between two old ones: the last digits of the header decide.
    affine = oblique_affine((0.5, 0.5, 3.0))
    for suffix in ("nii.gz", "nrrd"):
        write_volume(tmp_path / f"tie.{suffix}", Volume(pattern(), affine))
        write_volume(tmp_path / f"mask.{suffix}", Volume(BALL, affine))
        for names in ((f"tie.{suffix}", f"mask.{suffix}"), ("labels.nrrd", "ball.mha.nrrd")):
            _, (row,) = measure(*names, settings=settings)
            files = [sitk.ReadImage(str(tmp_path / name)) for name in names]
            assert row.features == pytest.approx(extract(*files, settings), rel=1e-9)


def test_files_and_a_preset_give_what_pyradiomics_gave(shared_data):
    folder = shared_data / "radiomics"
    values = folder / "pyradiomics_values" / "brain1_shinT2_norm100_bw3_1mm_v2.1.2.json"
    images = folder / "pyradiomics_images"
    case = RadiomicsCase("S1", "brain1_image.nrrd", "brain1_label.nrrd", folder=str(images))
    answer = measure_case(RadiomicsTask(case, radiomics_preset("rectal-t2")))
    (row,) = features_from_csv(answer.table)
    expected = json.loads(values.read_text(encoding="utf-8"))
    assert list(row.features) == list(expected)
    assert row.features == pytest.approx(expected, rel=1e-6)


def test_a_map_with_its_json_file_and_one_that_the_table_names(measure, tmp_path):
    values = (pattern() / 1e5).astype(np.float32)
    d = quantity("D")
    write_map_with_sidecar(tmp_path / "D.nii.gz", ParameterMap(values, d, d.unit, AFFINE))
    write_volume(tmp_path / "plain.nrrd", Volume(values, AFFINE))
    _, (row,) = measure("D.nii.gz", "ball.mha.nrrd")
    assert row.series == "D"
    assert mean(row) == pytest.approx(1e3 * values[BALL].mean(), rel=1e-5)
    assert "bin width 0.02" in row.warnings[0]
    _, (named,) = measure("plain.nrrd", "ball.mha.nrrd", quantity="D", unit="mm2/s", series="x")
    assert (named.series, mean(named)) == ("x", pytest.approx(mean(row)))
    _, (bad,) = measure("plain.nrrd", "ball.mha.nrrd", quantity="D")
    assert "expected the unit of D" in bad.reason


def test_a_folder_of_dicom_files(measure, tmp_path):
    from mrbiomarkers.files.dicom_read import read_dicom_image

    ge.ge_fat_fraction(tmp_path / "dicom")
    volume = read_dicom_image(tmp_path / "dicom")
    mask = np.zeros(volume.values.shape, bool)
    mask[:, 1:, 1:] = True
    write_volume(tmp_path / "part.nrrd", Volume(mask, volume.affine))
    _, (row,) = measure("dicom", "part.nrrd")
    assert mean(row) == pytest.approx(volume.values[mask].mean(), rel=1e-9)
    _, (row,) = measure("dicom", "part.nrrd", quantity="PDFF", unit="%")
    assert row.series == "PDFF"
    _, (row,) = measure("dicom", "part.nrrd", dicom_series="77")
    assert "expected a series of the folder, got '77'" in row.reason


def write_odd_files(folder):
    sitk.WriteImage(sitk.JoinSeries([sitk.GetImageFromArray(pattern())] * 2), str(folder / "4d.nii.gz"))
    sitk.WriteImage(sitk.GetImageFromArray(np.stack([pattern()] * 3, -1), isVector=True), str(folder / "vector.nrrd"))
    sitk.WriteImage(sitk.GetImageFromArray(pattern()[0]), str(folder / "flat.mha"))
    write_volume(folder / "empty.nrrd", Volume(BALL & False, AFFINE))
    write_volume(folder / "fractions.nrrd", Volume(BALL * 0.5, AFFINE))
    write_volume(folder / "shifted.nrrd", Volume(BALL, AFFINE + np.diag([0, 0, 0.2], 1)))
    whole = (folder / "image.nii.gz").read_bytes()
    (folder / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "table.xlsx").write_text("x")


@pytest.mark.parametrize(
    ("image", "mask", "message"),
    [
        ("4d.nii.gz", "ball.mha.nrrd", "expected a 3-D image, got 2 images"),
        ("vector.nrrd", "ball.mha.nrrd", "expected a 3-D image, got 3 images"),
        ("flat.mha", "ball.mha.nrrd", "expected a 3-D or 4-D image, got size (13, 14)"),
        ("image.nii.gz", "4d.nii.gz", "expected a 3-D image, got 2 images"),
        ("image.nii.gz", "empty.nrrd", "expected a label map with a value above 0, got none"),
        ("image.nii.gz", "fractions.nrrd", "expected a label map of integers, got fractions"),
        ("cut.nii.gz", "ball.mha.nrrd", "truncated or damaged"),
        ("table.xlsx", "ball.mha.nrrd", "expected an image (.nii"),
        ("none.nii.gz", "ball.mha.nrrd", "No such file"),
        ("image.nii.gz", "none.nrrd", "No such file"),
        ("", "ball.mha.nrrd", "expected DICOM images"),
    ],
)
def test_files_that_cannot_be_used_fail_with_the_reason_and_without_a_name(measure, tmp_path, image, mask, message):
    write_odd_files(tmp_path)
    if not image:
        (tmp_path / "folder").mkdir()
        image = "folder"
    _, (row,) = measure(image, mask)
    assert row.status == "failed"
    assert message in row.reason
    assert str(tmp_path) not in row.reason
    assert not any(name in row.reason for name in (image, mask) if "." in name)


def test_the_digest_follows_the_files_and_what_stands_beside_them(measure, tmp_path):
    first, _ = measure("image.nii.gz", "legend.nii.gz")
    same, rows = measure("image.nii.gz", "legend.nii.gz", known=first.inputs)
    assert (same.inputs, same.table, rows) == (first.inputs, "", [])
    legend = tmp_path / "legend.labels.json"
    legend.write_text(legend.read_text().replace("node", "gland"))
    renamed, rows = measure("image.nii.gz", "legend.nii.gz", known=first.inputs)
    assert renamed.inputs != first.inputs
    assert [row.region for row in rows] == ["tumour", "gland"]
    sitk.WriteImage(sitk.ReadImage(str(tmp_path / "image.nii.gz")), str(tmp_path / "two.mhd"))
    one, _ = measure("two.mhd", "legend.nii.gz")
    voxels = tmp_path / "two.raw"
    voxels.write_bytes(voxels.read_bytes()[::-1])
    other, _ = measure("two.mhd", "legend.nii.gz", known=one.inputs)
    assert other.inputs != one.inputs


def test_a_process_loads_no_statistics_and_no_readers_that_it_may_not_need():
    late = ["scipy.stats", "scipy.optimize", "scipy.interpolate", "matplotlib", "pydicom", "yaml"]
    program = f"import mrbiomarkers.study.radiomics_worker, sys; print([n for n in {late} if n in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT)

    assert done.stdout == "[]\n"


def test_messages_come_back_whole_or_not_at_all():
    stream = io.BytesIO()
    for message in ("ready", {"a": np.arange(3)}, None):
        send(stream, message)
    end = stream.tell()
    stream.seek(0)
    assert receive(stream) == "ready"
    np.testing.assert_array_equal(receive(stream)["a"], [0, 1, 2])
    assert receive(stream) is None
    for size in (0, 5, end - 1):
        cut = io.BytesIO(stream.getvalue()[:size])
        with pytest.raises(EOFError, match="the other process has ended"):
            _ = [receive(cut) for _ in range(3)]

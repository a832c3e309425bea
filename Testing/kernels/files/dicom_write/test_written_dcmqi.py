"""What is written, converted by dcmqi, whose readers 3D Slicer uses. Skipped in view where dcmqi is not installed."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813  (its usual name)

from mrbiomarkers.files import affine_of
from mrbiomarkers.files.dicom_write.map import write_parametric_map
from mrbiomarkers.files.dicom_write.report import write_measurement_report
from mrbiomarkers.files.dicom_write.segmentation import write_dicom_segmentation
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom_results import headers, numbered_map, regions, row
from Testing.support.volumes import positions


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    truth = ge_diffusion(tmp_path_factory.mktemp("ge"))
    return truth.signal.shape[:3], truth.affine, headers(truth.folder)


def convert(name, *arguments):
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed (PyPI package dcmqi)")
    result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def test_dcmqi_reads_the_same_map(tmp_path, source):
    shape, affine, datasets = source
    given = numbered_map(shape, affine)
    write_parametric_map(tmp_path / "D.dcm", given, datasets, subject="S01")
    convert("paramap2itkimage", "--inputDICOM", tmp_path / "D.dcm", "--outputDirectory", tmp_path)
    image = sitk.ReadImage(str(next(tmp_path.glob("*.nrrd"))))
    np.testing.assert_allclose(affine_of(image), affine, atol=1e-9)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), (given.values * 1e3).astype(np.float32))
    said = json.loads((tmp_path / "meta.json").read_text())
    assert said["QuantityValueCode"]["CodeValue"] == "113291"
    assert said["MeasurementUnitsCode"]["CodeValue"] == "um2/ms"
    assert said["MeasurementMethodCode"]["CodeValue"] == "113251"
    assert [float(b) for b in said["SourceImageDiffusionBValues"]] == [0, 50, 400, 800]


def test_dcmqi_reads_the_same_regions(tmp_path, source):
    shape, affine, datasets = source
    masks = regions(shape)
    write_dicom_segmentation(tmp_path / "r.dcm", masks, affine, datasets, subject="S01")
    convert("segimage2itkimage", "--inputDICOM", tmp_path / "r.dcm", "--outputDirectory", tmp_path, "-t", "nrrd")
    for number, mask in enumerate(masks.values(), start=1):
        image = sitk.ReadImage(str(tmp_path / f"{number}.nrrd"))
        found = sitk.GetArrayFromImage(image) > 0
        where = positions(found.shape, affine_of(image))[found]
        apart = np.linalg.norm(where[:, None] - positions(shape, affine)[mask][None], axis=-1)
        assert apart.shape[0] == apart.shape[1]
        assert apart.min(axis=0).max() < 1e-6


def test_dcmqi_reads_the_same_numbers(tmp_path, source):
    shape, affine, datasets = source
    write_dicom_segmentation(tmp_path / "r.dcm", regions(shape), affine, datasets, subject="S01")
    rows = [row(region, reader) for region in ("L1", "L3", "L1-L5") for reader in ("A", "mean")]
    path = tmp_path / "report.dcm"
    write_measurement_report(path, rows, datasets, segmentation=tmp_path / "r.dcm", subject="S01")
    convert("tid1500reader", "--inputDICOM", path, "--outputMetadata", tmp_path / "report.json")
    found = json.loads((tmp_path / "report.json").read_text())["Measurements"]
    assert {group["TrackingIdentifier"] for group in found} >= {"L1 A", "L3 A"}
    items = next(group for group in found if group["TrackingIdentifier"] == "L3 A")["measurementItems"]
    means = [float(i["value"]) for i in items if i.get("derivationModifier", {}).get("CodeValue") == "373098007"]
    assert means == [1.25]

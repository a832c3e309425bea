"""Real files of each manufacturer, with the values that the notes on the data say."""

from pathlib import Path

import numpy as np
import pytest

from mrbiomarkers.files.dicom_read import read_dicom_diffusion, read_dicom_echoes, read_dicom_image, read_dicom_map

DATA = Path(__file__).parents[5] / "shared" / "data" / "dicom"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="shared/data/dicom is not here")


def folder(start):
    (found,) = (path for path in DATA.iterdir() if path.name.startswith(start))
    return found


@pytest.mark.parametrize(
    ("name", "bvalues", "shape", "source"),
    [
        ("ge_mr750", [0, 1000], (4, 128, 128), "GE (0043,1039)"),
        ("philips_classic", [0, 40, 273, 800], (3, 384, 384), "(0018,9087)"),
        ("siemens_skyra", [0, 1000], (4, 192, 192), "Siemens (0019,100C)"),
    ],
)
def test_b_values(name, bvalues, shape, source):
    found = read_dicom_diffusion(folder(name))

    assert found.series.bvalues.tolist() == bvalues
    assert found.series.grid_shape == shape
    assert [(row.bvalue, row.raw, row.n_volumes, row.source) for row in found.table] == [
        (b, b, 1, source) for b in bvalues
    ]
    assert found.notes == ()


def test_the_small_b_values_of_philips_are_further_images_without_weighting():
    found = read_dicom_diffusion(folder("philips_ingenia"))

    assert np.unique(found.series.bvalues, return_counts=True)[0].tolist() == [0, 1000]
    assert np.unique(found.series.bvalues, return_counts=True)[1].tolist() == [5, 12]
    assert [round(row.raw, 6) for row in found.table if row.bvalue == 0] == [0, 0.001, 0.002, 0.003, 0.004]
    assert np.isnan(found.series.directions[found.series.bvalues == 0]).all()
    lengths = np.linalg.norm(found.series.directions[found.series.bvalues == 1000], axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)
    # One rescale slope for all: it stays applied, 1757 x 1.51477.
    assert found.series.signal.max() == pytest.approx(1757 * 1.51477411477411)


def test_the_mosaic_of_uih_and_the_b_that_was_applied():
    found = read_dicom_diffusion(folder("uih"))

    assert found.series.signal.shape == (20, 64, 64, 3)
    np.testing.assert_allclose(found.series.bvalues, [0, 929.75018, 929.75018], atol=1e-4)
    assert found.table[0].raw == pytest.approx(1.25126, abs=1e-4)
    # The first slice is where its own element in the file says.
    np.testing.assert_allclose(found.series.affine[:3, 3], [154.647507, 58.5786934, -9.21860886], atol=1e-4)
    last = found.series.affine @ [0, 0, 19, 1]
    np.testing.assert_allclose(last[:3], [156.958115, 58.5786934, 70.5479355], atol=0.02)


@pytest.mark.parametrize(
    ("name", "times", "shape"),
    [
        ("siemens_prisma_gre_2echo", [0.00519, 0.00765], (4, 64, 64)),
        ("siemens_xa30_enh_gre", [0.01, 0.01246], (33, 64, 64)),
    ],
)
def test_echoes(name, times, shape):
    found = read_dicom_echoes(folder(name)).series

    np.testing.assert_allclose(found.echo_times, times, rtol=1e-12)
    assert (found.grid_shape, found.kind, found.field_strength) == (shape, "magnitude", 3.0)
    assert found.readout_axis == 2


def test_a_phase_without_its_first_echo_does_not_go_with_the_magnitudes():
    with pytest.raises(ValueError, match=r"phase images at the echo times.*5.19, 7.65 ms\), got 7.65 ms"):
        read_dicom_echoes([folder("siemens_prisma_gre_2echo"), folder("siemens_prisma_gre_phase")])


def test_the_scale_of_the_phase():
    found = read_dicom_image(folder("siemens_prisma_gre_phase"))

    assert (found.values.min(), found.values.max()) == (-4096, 4092)


def test_a_map_without_unit_has_no_scale():
    found = read_dicom_map(folder("siemens_xa30_enh_ADC"), "ADC")

    assert found.values.shape == (39, 72, 72)
    assert (found.values.dtype, found.values.max()) == (np.uint16, 2320)
    assert (found.scale, found.slope, found.intercept, found.unit) == (None, 1, 0, "US")


def test_the_whole_folder_asks_which_series():
    with pytest.raises(ValueError, match=r"one diffusion series, got 5.*Name one with series="):
        read_dicom_diffusion(DATA)

    assert read_dicom_diffusion(DATA, series=601).series.bvalues.tolist() == [0, 40, 273, 800]

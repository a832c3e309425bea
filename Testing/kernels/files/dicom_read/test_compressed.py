"""Compressed pixels: the same numbers as without compression, and what is said where a decoder is missing."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, get_encoder
from pydicom.uid import (
    MPEG2MPML,
    UID,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from mrbiomarkers.cli import main
from mrbiomarkers.files.dicom_read import inventory, read_dicom_diffusion, read_dicom_echoes, read_dicom_map
from Testing.support.dicom import folders, ge, philips_frames, siemens, siemens_frames, uih
from Testing.support.dicom.grid import OBLIQUE

GRID = replace(OBLIQUE, shape=(4, 14, 11))
SYNTAXES = [RLELossless, JPEGLSLossless]


def compressed(folder, syntax):
    """Compress a folder; JPEG-LS needs a package for it, which not every machine has."""
    if not get_encoder(syntax).is_available:
        pytest.skip(f"no encoder of {syntax.name} is installed")
    folders.reencode(folder, syntax)
    assert {dcmread(path).file_meta.TransferSyntaxUID for path in folders.files_of(folder)} == {syntax}


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize(
    "write",
    [
        lambda folder: ge.ge_diffusion(folder, grid=GRID),
        lambda folder: philips_frames.philips_enhanced(folder, scaled=True, grid=GRID),
        lambda folder: siemens_frames.siemens_mosaic(folder, grid=replace(GRID, shape=(7, 14, 12))),
        lambda folder: uih.uih_mosaic(folder, grid=replace(GRID, shape=(6, 14, 12))),
    ],
    ids=["single frames", "multi-frame", "Siemens mosaic", "UIH mosaic"],
)
def test_diffusion_reads_the_same(write, syntax, tmp_path):
    write(tmp_path)
    plain = read_dicom_diffusion(tmp_path)
    compressed(tmp_path, syntax)

    found = read_dicom_diffusion(tmp_path)

    np.testing.assert_array_equal(found.series.signal, plain.series.signal)
    np.testing.assert_array_equal(found.series.affine, plain.series.affine)
    assert (found.table, found.notes) == (plain.table, plain.notes)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_numbers_below_0_read_the_same(syntax, tmp_path):
    truth = ge.ge_real_imaginary(tmp_path, grid=GRID)
    assert truth.signal.real.min() < 0
    compressed(tmp_path, syntax)

    np.testing.assert_array_equal(read_dicom_echoes(tmp_path).series.signal, truth.signal.astype(np.complex64))


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.keyword)
def test_maps_read_the_same(syntax, tmp_path):
    truth = siemens.siemens_fat_fraction(tmp_path, grid=GRID)
    compressed(tmp_path, syntax)

    np.testing.assert_array_equal(read_dicom_map(tmp_path, "PDFF").values, truth.signal[..., 0])


def pretend(folder, syntax):
    """Say that the pixels of a folder are compressed; what stands there is no picture."""
    for path in folders.files_of(folder):
        dataset = dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = encapsulate([b"no picture"])
        dataset["PixelData"].VR = "OB"
        dataset.save_as(path)


MISSING = {
    JPEG2000Lossless: ("JPEG 2000 Image Compression (Lossless Only)", "pip install pylibjpeg pylibjpeg-openjpeg"),
    HTJ2KLossless: ("High-Throughput JPEG 2000 Image Compression", "pip install pylibjpeg pylibjpeg-openjpeg"),
    JPEGLSLossless: ("JPEG-LS Lossless Image Compression", "pip install pyjpegls"),
    JPEGLosslessSV1: ("JPEG Lossless, Non-Hierarchical, First-Order Prediction", "pip install python-gdcm"),
}


@pytest.mark.parametrize("syntax", MISSING, ids=lambda syntax: syntax.keyword)
def test_without_a_decoder_file_compression_and_package_are_named_and_the_series_is_listed(
    syntax, tmp_path, monkeypatch, capsys
):
    ge.ge_diffusion(tmp_path / "a", grid=GRID)
    pretend(tmp_path / "a", syntax)
    monkeypatch.setattr(get_decoder(syntax), "_available", {})
    name, install = MISSING[syntax]

    with pytest.raises(ValueError, match="for which no installed package has a decoder") as error:
        read_dicom_diffusion(tmp_path / "a")

    assert str(error.value).startswith(str(tmp_path / "a" / "IM"))
    assert f"got {name}" in str(error.value)
    assert str(error.value).endswith(install)
    (entry,) = inventory(tmp_path / "a").series
    assert (entry.kind, entry.bvalues, entry.n_images) == ("diffusion", (0, 50, 400, 800), 16)
    assert main(["diffusion", str(tmp_path / "a"), "--out", str(tmp_path / "out")]) == 2
    assert install in capsys.readouterr().err


def test_damaged_pixels_and_a_film_are_named_as_such(tmp_path):
    for name, syntax in (("a", RLELossless), ("b", MPEG2MPML)):
        ge.ge_diffusion(tmp_path / name, grid=GRID)
        pretend(tmp_path / name, UID(syntax))
    with pytest.raises(ValueError, match="got RLE Lossless that cannot be: "):
        read_dicom_diffusion(tmp_path / "a")
    with pytest.raises(ValueError, match=r"got MPEG2 Main Profile .*: there is none; export the images without"):
        read_dicom_diffusion(tmp_path / "b")

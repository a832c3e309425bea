"""Simulated diffusion series of each manufacturer, read and compared with the truth, number by number."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from mrbiomarkers.files.dicom_read import read_dicom_diffusion
from Testing.support.dicom import canon, folders, ge, philips, philips_frames, siemens, siemens_frames, uih
from Testing.support.dicom.datasets import PATIENT
from Testing.support.dicom.grid import AXIAL, OBLIQUE, SAGITTAL

WRITERS = {
    "GE, b in the private element": ge.ge_diffusion,
    "GE, public b but not at 0": lambda folder: ge.ge_diffusion(folder, public=True, second=1073741832),
    "GE, nothing added to b": ge.ge_diffusion_plain,
    "Siemens, private element": siemens.siemens_private,
    "Siemens, CSA header": siemens.siemens_csa,
    "Siemens, CSA header, repeated": lambda folder: siemens.siemens_csa(folder, repeats=2),
    "Siemens, sequence name": siemens.siemens_sequence_name,
    "Siemens, 0 for a low b": lambda folder: siemens.siemens_sequence_name(folder, zeros=True),
    "Siemens, derived images between": siemens.siemens_with_derived,
    "Siemens, mosaic": siemens_frames.siemens_mosaic,
    "Siemens, mosaic from above": lambda folder: siemens_frames.siemens_mosaic(folder, reverse=True),
    "Siemens, enhanced trace": siemens_frames.siemens_xa,
    "Siemens, enhanced directions": lambda folder: siemens_frames.siemens_xa(folder, trace=False),
    "Philips, three scales": philips.philips_diffusion,
    "Philips, dummy b": philips.philips_dummy_b,
    "Philips, bytes without creator": philips.philips_unknown_bytes,
    "Philips, enhanced": philips_frames.philips_enhanced,
    "Philips, enhanced, three scales": lambda folder: philips_frames.philips_enhanced(folder, scaled=True),
    "Canon, nothing at b 0": canon.canon_untagged,
    "Toshiba, comments": lambda folder: canon.canon_untagged(folder, comments=True),
    "Canon, enhanced": canon.canon_enhanced,
    "UIH, mosaic": uih.uih_mosaic,
}


def check_same(found, truth):
    """Geometry, every number, its b-value and its direction."""
    series = found.series
    np.testing.assert_allclose(series.affine, truth.affine, atol=1e-4)
    assert series.signal.shape == truth.signal.shape
    factor = series.signal.sum(dtype=float) / truth.signal.sum() if truth.any_scale else 1.0
    left = list(range(truth.bvalues.size))
    for m in range(truth.bvalues.size):
        image = truth.signal[..., m] * factor
        same = [n for n in left if np.allclose(series.signal[..., n], image, rtol=1e-6, atol=0)]
        assert len(same) == 1, f"image {m} (b {truth.bvalues[m]:g}) was found {len(same)} times"
        left.remove(same[0])
        assert series.bvalues[same[0]] == truth.bvalues[m]
        if truth.directions is not None:
            np.testing.assert_allclose(series.directions[same[0]], truth.directions[m], atol=1e-6)


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_read_is_what_was_simulated(name, tmp_path):
    truth = WRITERS[name](tmp_path)

    found = read_dicom_diffusion(tmp_path)

    check_same(found, truth)


@pytest.mark.parametrize("name", WRITERS)
def test_the_table_names_where_each_b_came_from_and_nothing_of_the_patient(name, tmp_path):
    truth = WRITERS[name](tmp_path)

    found = read_dicom_diffusion(tmp_path)

    assert sum(row.n_volumes for row in found.table) == truth.bvalues.size
    assert [row.bvalue for row in found.table] == sorted(row.bvalue for row in found.table)
    assert {row.bvalue for row in found.table} == set(truth.bvalues)
    assert all(row.source for row in found.table)
    written = repr((found.table, found.parameters, found.notes, found.series.source))
    assert not [value for value in PATIENT.values() if value in written]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize(
    "write", [ge.ge_diffusion, siemens.siemens_private, siemens.siemens_csa, philips.philips_diffusion]
)
def test_other_transfer_syntaxes_read_the_same(write, syntax, tmp_path):
    # At 12 x 10 the compressed pixels happen to be as long as the others, which pydicom warns of.
    truth = write(tmp_path, grid=replace(OBLIQUE, shape=(4, 14, 11)))
    folders.reencode(tmp_path, syntax)

    check_same(read_dicom_diffusion(tmp_path), truth)


@pytest.mark.parametrize(
    "name", ["UIH, mosaic", "Philips, enhanced, three scales", "Siemens, mosaic", "Siemens, enhanced trace"]
)
def test_frames_and_tiles_without_types_of_private_elements_read_the_same(name, tmp_path):
    truth = WRITERS[name](tmp_path)
    folders.reencode(tmp_path, ImplicitVRLittleEndian)

    check_same(read_dicom_diffusion(tmp_path), truth)


@pytest.mark.parametrize("grid", [AXIAL, SAGITTAL, OBLIQUE], ids=["axial", "sagittal", "oblique"])
@pytest.mark.parametrize("write", [ge.ge_diffusion, siemens.siemens_sequence_name, siemens_frames.siemens_xa])
def test_every_plane_comes_out_right(write, grid, tmp_path):
    truth = write(tmp_path, grid=grid)

    check_same(read_dicom_diffusion(tmp_path), truth)


def test_the_b_of_5_that_stands_for_0_is_kept_and_named(tmp_path):
    truth = siemens.siemens_private(tmp_path, lowest=5.0)

    found = read_dicom_diffusion(tmp_path)

    check_same(found, truth)
    assert any("5" in note and "b = 0" in note for note in found.notes)


def test_series_in_one_folder_without_names_are_read_by_their_uid(tmp_path):
    one, two = ge.ge_diffusion(tmp_path / "a"), canon.canon_untagged(tmp_path / "b")
    three = folders.anatomical(tmp_path / "c")
    folders.add_foreign_files(tmp_path / "a")
    folders.scatter(tmp_path / "all", one.folder, two.folder, three.folder)

    for truth in (one, two):
        check_same(read_dicom_diffusion(tmp_path / "all", series=truth.uids[0]), truth)
    with pytest.raises(ValueError, match="series") as error:
        read_dicom_diffusion(tmp_path / "all")
    assert all(truth.uids[0] in str(error.value) for truth in (one, two))
    assert three.uids[0] not in str(error.value)

"""What each series of a folder is, and why."""

from pathlib import Path

import pytest

from mrbiomarkers.files.dicom_read import inventory
from Testing.support.dicom import faults, folders, ge, philips, philips_frames, siemens, siemens_frames
from Testing.support.dicom.datasets import PATIENT

DATA = Path(__file__).parents[5] / "shared" / "data" / "dicom"


def test_every_kind_of_series(tmp_path):
    uids = {
        "diffusion": ge.ge_diffusion(tmp_path / "a").uids,
        "scanner map": siemens_frames.siemens_xa_adc(tmp_path / "b").uids,
        "multi-echo": siemens.siemens_echoes(tmp_path / "c").uids,
        "anatomical": folders.anatomical(tmp_path / "d").uids,
    }
    foreign = tmp_path / "readme.txt"
    foreign.write_text("hello")

    found = inventory(tmp_path)

    kinds = {entry.uid: entry.kind for entry in found.series}
    assert kinds == {uid: kind for kind, members in uids.items() for uid in members}
    assert [problem.path for problem in found.problems] == [foreign]
    assert not [value for value in PATIENT.values() if value in repr(found.series)]


def test_what_a_diffusion_series_says(tmp_path):
    ge.ge_diffusion(tmp_path)

    (entry,) = inventory(tmp_path).series

    assert entry.bvalues == (0, 50, 400, 800)
    assert entry.reason == "b-values in GE (0043,1039)"
    assert (entry.n_images, entry.n_slices, entry.number) == (16, 4, 5)
    assert entry.parameters["vendor"] == "GE"


@pytest.mark.parametrize("write", [ge.ge_fat_fraction, siemens.siemens_fat_fraction, philips.philips_diffusion])
def test_a_fat_fraction_is_a_map_and_diffusion_is_not(write, tmp_path):
    write(tmp_path)

    kinds = [entry.kind for entry in inventory(tmp_path).series]

    assert kinds == ["diffusion" if write is philips.philips_diffusion else "scanner map"]


def test_a_series_with_a_gap_is_unusable_and_says_why(tmp_path):
    truth = ge.ge_fat_fraction(tmp_path)
    assert truth.signal.shape[0] == 4
    folders.files_of(tmp_path)[1].unlink()

    (entry,) = inventory(tmp_path).series

    assert entry.kind == "unusable"
    assert "a slice is missing" in entry.reason


def test_a_localiser_is_anatomical_unless_a_slice_is_missing(tmp_path):
    folders.localiser(tmp_path / "a")
    folders.localiser(tmp_path / "b", missing=True)

    (whole,), (part,) = inventory(tmp_path / "a").series, inventory(tmp_path / "b").series

    assert (whole.kind, whole.reason) == ("anatomical", "localiser, three orientations: no one volume")
    assert (whole.n_images, whole.n_slices) == (12, None)
    assert part.kind == "unusable"
    assert "expected images of one orientation" in part.reason


def test_a_series_of_damaged_headers_is_unusable(tmp_path):
    ge.ge_fat_fraction(tmp_path)
    for path in folders.files_of(tmp_path):
        faults.edit(path, lambda dataset: setattr(dataset, "PixelSpacing", [0, 0]))

    found = inventory(tmp_path)

    assert [entry.kind for entry in found.series] == ["unusable"]
    assert "Pixel Spacing" in found.series[0].reason
    assert len(found.problems) == 4


@pytest.mark.skipif(not DATA.is_dir(), reason="shared/data/dicom is not here")
def test_the_samples():
    kinds = {(entry.number, entry.kind) for entry in inventory(DATA).series}

    assert {number for number, kind in kinds if kind == "diffusion"} == {10, 601, 701, 8, 12}
    assert (11, "scanner map") in kinds
    assert {number for number, kind in kinds if kind == "multi-echo"} == {2, 8}


def test_the_unit_of_a_map_is_that_of_its_mapping_and_unspecified_is_none(tmp_path):
    told = philips_frames.philips_fat_fraction(tmp_path / "a")
    untold = siemens_frames.siemens_xa_adc(tmp_path / "b")
    reasons = {entry.uid: entry.reason for entry in inventory(tmp_path).series}
    assert reasons[told.uids[0]].endswith("unit %")
    assert reasons[untold.uids[0]].endswith("unit not stated")

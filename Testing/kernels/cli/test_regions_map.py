"""``mrbiomarkers regions map`` from files to files: where the regions lie, what is recorded, what is refused."""

import csv
import json

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mrbiomarkers.cli import main
from mrbiomarkers.files import read_regions, write_regions

FINE = np.array([[-0.8, 0, 0, 12.0], [0, 0.8, 0, -10.0], [0, 0, 3.0, 5.0], [0, 0, 0, 1.0]])
SHAPE = (14, 60, 64)
# Two voxels of the fine grid in one of the coarse, along each axis.
COARSE = FINE @ np.array([[2, 0, 0, 0.5], [0, 2, 0, 0.5], [0, 0, 2, 0.5], [0, 0, 0, 1.0]])
LESION, NODE = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
LESION[4:10, 20:42, 22:44] = True
NODE[4:6, 48:52, 10:16] = True


def structures(shape=SHAPE):
    smooth = gaussian_filter(np.random.default_rng(2).normal(size=shape), (1, 2.5, 2.5))
    return 500 + 300 * smooth / smooth.std()


def save(path, values, affine):
    nib.save(nib.Nifti1Image(np.asarray(values, np.float32).T, affine), path)


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "MUSTERMANN.nii.gz", structures(), FINE)
    save(tmp_path / "ADC.nii.gz", structures()[::2, ::2, ::2], COARSE)
    write_regions(tmp_path / "roi.seg.nrrd", {"lesion": LESION, "node": NODE}, FINE)
    return tmp_path


def run(folder, *words, image="MUSTERMANN.nii.gz", mask="roi.seg.nrrd", target="ADC.nii.gz"):
    files = [str(folder / name) for name in (image, mask, target)]
    options = [word for pair in zip(("--image", "--mask", "--target"), files, strict=True) for word in pair]
    return main(["regions", "map", *options, "--out", str(folder / "out"), *words])


def rows_of(folder):
    with (folder / "out" / "mapping.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_regions_lie_where_they_were_drawn(folder, capsys):
    assert run(folder) == 0
    read = read_regions(folder / "out" / "mapped.seg.nrrd")
    assert list(read) == ["lesion", "node"]
    np.testing.assert_array_equal(read["lesion"].values, LESION[::2, ::2, ::2])
    np.testing.assert_array_equal(read["node"].values, NODE[::2, ::2, ::2])
    np.testing.assert_allclose(read["lesion"].affine, COARSE, atol=1e-6)
    lesion, node = rows_of(folder)
    assert (lesion["region"], lesion["by"], lesion["n_voxels_before"], lesion["n_voxels"]) == (
        "lesion", "position", "2904", "363",
    )  # fmt: skip
    assert float(lesion["volume_mm3"]) == pytest.approx(float(lesion["volume_before_mm3"])) == 2904 * 0.8 * 0.8 * 3
    assert (float(lesion["volume_change"]), float(lesion["shift_mm"])) == (pytest.approx(0, abs=1e-9), 0)
    assert node["warnings"].startswith("only 6 voxels hold it on the other grid")
    record = json.loads((folder / "out" / "mapping.json").read_text())
    assert (record["command"], record["by"], record["compared with"]) == ("regions map", "position", None)
    assert record["transform of RAS positions [mm]"] == np.eye(4).tolist()
    assert record["grid"].startswith("32 x 30 x 7 voxels")
    assert (folder / "out" / "mapping.png").read_bytes()[1:4] == b"PNG"
    printed = capsys.readouterr().out
    assert "2904 > 363" in printed
    assert "warning: region 'node': only 6 voxels" in printed
    for path in (folder / "out").iterdir():
        assert b"MUSTERMANN" not in path.read_bytes()
        assert str(folder).encode() not in path.read_bytes()


@pytest.mark.parametrize("partner", [False, True])
def test_a_registration_finds_a_known_shift(folder, capsys, partner):
    moved = FINE.copy()
    moved[:3, 3] += (0, 2.4, 0)
    other = np.exp(-structures() / 500)
    save(folder / "moved.nii.gz", other if not partner else np.full(SHAPE, 1.1), moved)
    save(folder / "b0.nii.gz", other, moved)
    words = ["--partner", str(folder / "b0.nii.gz")] if partner else []

    assert run(folder, "--register", *words, "--suffix", ".nii.gz", target="moved.nii.gz") == 0

    lesion = rows_of(folder)[0]
    assert lesion["by"] == "registration"
    assert float(lesion["shift_mm"]) == pytest.approx(2.4, abs=0.4)
    found = read_regions(folder / "out" / "mapped.nii.gz")["lesion"].values
    assert np.count_nonzero(found & LESION) > 0.95 * LESION.sum()
    record = json.loads((folder / "out" / "mapping.json").read_text())
    assert record["compared with"] == ("partner" if partner else "target")
    assert record["transform of RAS positions [mm]"][1][3] == pytest.approx(2.4, abs=0.6)
    assert record["registration"]["kind"] == "rigid"
    assert "rigid kept" in capsys.readouterr().out


def test_a_refused_registration_is_said_once_and_position_kept(folder, capsys):
    save(folder / "noise.nii.gz", np.abs(np.random.default_rng(3).normal(0, 1, SHAPE)), FINE)
    assert run(folder, "--register", target="noise.nii.gz") == 0
    printed = capsys.readouterr().out
    assert printed.count("refused:") == 1
    assert "the registration was refused, the regions were mapped by position" in printed
    np.testing.assert_array_equal(read_regions(folder / "out" / "mapped.seg.nrrd")["lesion"].values, LESION)


def test_a_cropped_segmentation_is_put_in_its_place(folder):
    part = (slice(2, 12), slice(15, 55), slice(5, 50))
    corner = FINE.copy()
    corner[:3, 3] = FINE[:3, :3] @ [5, 15, 2] + FINE[:3, 3]
    write_regions(folder / "cropped.seg.nrrd", {"lesion": LESION[part]}, corner)
    assert run(folder, mask="cropped.seg.nrrd") == 0
    np.testing.assert_array_equal(
        read_regions(folder / "out" / "mapped.seg.nrrd")["lesion"].values, LESION[::2, ::2, ::2]
    )


@pytest.mark.parametrize(
    ("words", "files", "message"),
    [
        (["--partner", "b0.nii.gz"], {}, "--partner: expected only together with --register"),
        ([], {"image": "ADC.nii.gz"}, "--mask .*expected the grid of IMAGE, on which it was drawn"),
        ([], {"target": "none.nii.gz"}, "no such file"),
        ([], {"target": "roi.seg.nrrd/x"}, "no such file|Not a directory"),
        ([], {"target": "far.nii.gz"}, "region 'lesion': "),
        (["--register"], {"target": "flat.nii.gz"}, "target: expected contrast"),
        ([], {"mask": "empty.nii.gz"}, "expected"),
        ([], {"mask": "ADC.nii.gz"}, "expected"),
    ],
)
def test_what_cannot_be_mapped_is_refused_before_anything_is_written(folder, capsys, words, files, message):
    far = FINE.copy()
    far[:3, 3] += 500
    save(folder / "far.nii.gz", structures(), far)
    save(folder / "flat.nii.gz", np.ones(SHAPE), FINE)
    save(folder / "empty.nii.gz", np.zeros(SHAPE), FINE)

    assert run(folder, *words, **files) == 2

    said = capsys.readouterr().err
    assert said.startswith("mrbiomarkers regions map: error: ")
    assert __import__("re").search(message, said)
    assert not (folder / "out").exists()


def test_results_are_not_replaced_unasked(folder, capsys):
    assert run(folder) == 0
    assert run(folder) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(folder, "--overwrite") == 0

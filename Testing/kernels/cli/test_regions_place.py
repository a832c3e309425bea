"""``mrbiomarkers regions place`` from files to files: where the regions lie, what is recorded, what is refused."""

import json

import nibabel as nib
import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.files import read_regions, write_points

# Sagittal slices of 4 mm: i to posterior, j to inferior, k to the left.
AFFINE = np.array([[0, 0, -4.0, 14.0], [-1.5, 0, 0, 60.0], [0, -1.5, 0, 90.0], [0, 0, 0, 1.0]])
SHAPE = (7, 110, 60)
CENTRES = {f"L{n}": np.array([2.0, 15.0, 70.0 - 32.0 * (n - 1)]) for n in range(1, 5)}
HALF = np.array([15.0, 11.0])  # of a bright body, forwards and up [mm]


def position(shape, affine):
    k, j, i = np.indices(shape)
    return np.stack([i, j, k], axis=-1) @ affine[:3, :3].T + affine[:3, 3]


def bodies(shape=SHAPE, affine=AFFINE):
    """Four bright boxes with noise, every one around its centre."""
    away = [np.abs(position(shape, affine)[..., 1:] - centre[1:]) <= HALF for centre in CENTRES.values()]
    inside = np.any(np.all(away, axis=-1), axis=0)
    return np.where(inside, 100.0, 30.0) + np.random.default_rng(1).normal(0, 2, shape)


def save(path, values, affine=AFFINE):
    nib.save(nib.Nifti1Image(np.asarray(values, np.float32).T, affine), path)


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "MUSTERMANN.nii.gz", bodies())
    write_points(tmp_path / "clicks.mrk.json", CENTRES)
    return tmp_path


def place(folder, *words, points="clicks.mrk.json", out="regions.seg.nrrd"):
    image = str(folder / "MUSTERMANN.nii.gz")
    return main(["regions", "place", str(folder / points), "--image", image, "--out", str(folder / out), *words])


def error(folder, capsys, *words, **files):
    """The one line of an error, after checking that nothing was written."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert place(folder, *words, **files) == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    text = capsys.readouterr().err
    assert text.startswith("mrbiomarkers regions place: error: ")
    assert text.count("\n") == 1
    return text


def test_regions_lie_around_the_points(folder, capsys):
    assert place(folder) == 0
    read = read_regions(folder / "regions.seg.nrrd")
    assert list(read) == list(CENTRES)
    for name, region in read.items():
        assert region.values.shape == SHAPE
        places = position(SHAPE, AFFINE)[region.values]
        np.testing.assert_allclose(places.mean(axis=0), CENTRES[name], atol=0.8)
        assert np.unique(places[:, 0]).tolist() == [-2.0, 2.0, 6.0]
        assert np.all(np.abs(places[:, 1:] - CENTRES[name][1:]) <= HALF)
    printed = capsys.readouterr().out
    record = json.loads((folder / "regions.json").read_text())
    for name, region in read.items():
        facts = record["regions"][name]
        assert facts["n_voxels"] == region.values.sum()
        assert facts["area_mm2"] == pytest.approx(region.values[3].sum() * 2.25, abs=0.06)
        (line,) = (line.split() for line in printed.splitlines() if line.startswith(name))
        assert line == [name, str(facts["n_voxels"]), f"{facts['area_mm2']:.0f}", "-"]
    assert record["points_mm"] == {name: list(centre) for name, centre in CENTRES.items()}
    assert (record["command"], record["method"], record["size"]) == ("regions place", "super-ellipse", 0.62)
    assert record["software"].startswith("MRBiomarkers ")
    assert "60 x 110 x 7 voxels" in record["grid"]
    assert (folder / "regions.png").read_bytes()[1:4] == b"PNG"


def test_no_name_of_an_input_is_in_the_outputs(folder, tmp_path):
    save(folder / "SCHMIDT.nii.gz", bodies())
    assert place(folder, "--like", str(folder / "SCHMIDT.nii.gz")) == 0
    for name in ("regions.seg.nrrd", "regions.json", "regions.png"):
        content = (folder / name).read_bytes()
        for secret in (b"MUSTERMANN", b"SCHMIDT", b"clicks", str(tmp_path).encode()):
            assert secret not in content


def test_outline_takes_its_margin_off(folder, capsys):
    assert place(folder, "--method", "outline", "--margin", "2", "--neighbours", "0") == 0
    for name, region in read_regions(folder / "regions.seg.nrrd").items():
        places = position(SHAPE, AFFINE)[region.values]
        assert np.unique(places[:, 0]).tolist() == [2.0]
        # the box less 2 mm is 26 by 18 mm; a voxel and the smooth corners are left for the search
        assert np.all(np.abs(places[:, 1:] - CENTRES[name][1:]) <= HALF - 1.2)
        assert region.values.sum() * 2.25 > 0.75 * 26 * 18
    assert "2.0" in capsys.readouterr().out.splitlines()[1].split()


def test_regions_on_the_grid_of_a_map(folder):
    axial = np.diag([2.0, 2.0, 5.0, 1.0])
    axial[:3, 3] = -20, -20, -50
    shape = (28, 40, 22)
    save(folder / "map.nii.gz", bodies(shape, axial), axial)
    for method in ("super-ellipse", "outline"):
        assert place(folder, "--like", str(folder / "map.nii.gz"), "--method", method, out=f"{method}.nii.gz") == 0
        for name, region in read_regions(folder / f"{method}.nii.gz").items():
            assert region.values.shape == shape
            places = position(shape, axial)[region.values]
            np.testing.assert_allclose(places.mean(axis=0), CENTRES[name], atol=2.5)
            assert np.all(np.abs(places[:, 1:] - CENTRES[name][1:]) <= HALF + 1.1)
            if method == "outline":  # found on the image, three of its slices of 4 mm
                assert np.all(np.abs(places[:, 0] - 2) <= 6.1)
    record = json.loads((folder / "outline.json").read_text())
    assert record["copied"] == "from the grid of the image, by position"
    facts = record["regions"]["L1"]
    assert facts["n_voxels"] == read_regions(folder / "outline.nii.gz")["L1"].values.sum()
    assert facts["n_voxels_of_image"] > 100


def test_levels_choose_and_name(folder):
    assert place(folder, "--levels", "L2", "L3") == 0
    assert list(read_regions(folder / "regions.seg.nrrd")) == ["L2", "L3"]
    write_points(folder / "F.mrk.json", {f"F-{n}": point for n, point in enumerate(CENTRES.values(), start=1)})
    words = ("--levels", "T12", "L1", "L2", "L3", "--overwrite")
    assert place(folder, *words, points="F.mrk.json") == 0
    read = read_regions(folder / "regions.seg.nrrd")
    assert list(read) == ["T12", "L1", "L2", "L3"]
    np.testing.assert_allclose(position(SHAPE, AFFINE)[read["T12"].values].mean(axis=0), CENTRES["L1"], atol=0.8)


def test_shift_renames(folder):
    assert place(folder, "--shift", "1", "--levels", "L2", "L5") == 0
    read = read_regions(folder / "regions.seg.nrrd")
    np.testing.assert_allclose(position(SHAPE, AFFINE)[read["L5"].values].mean(axis=0), CENTRES["L4"], atol=0.8)
    assert json.loads((folder / "regions.json").read_text())["shift"] == 1


def test_warnings_are_printed_and_recorded(folder, capsys):
    assert place(folder, "--size", "0.3") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: ")]
    assert any("small region" in line for line in lines)
    assert json.loads((folder / "regions.json").read_text())["warnings"] == [line[9:] for line in lines]


def test_existing_files_stay_unless_asked(folder, capsys):
    (folder / "regions.png").write_bytes(b"mine")
    assert "regions.png exists; --overwrite replaces it" in error(folder, capsys)
    assert place(folder, "--overwrite") == 0
    assert (folder / "regions.png").read_bytes() != b"mine"
    (folder / "a.labels.json").write_text("mine")
    assert "a.labels.json exists" in error(folder, capsys, out="a.nii.gz")


def test_inputs_are_never_replaced(folder, capsys):
    for out in ("MUSTERMANN.nii.gz", "clicks.mrk.seg.nrrd"):
        assert "is an input and would be replaced" in error(folder, capsys, "--overwrite", out=out)


@pytest.mark.parametrize(
    ("words", "out", "message"),
    [
        ((), "regions.mha", "expected a file name that ends in .seg.nrrd"),
        ((), ".seg.nrrd", "expected a file name that ends in"),
        ((), "there/regions.seg.nrrd", "there does not exist"),
        (("--levels", "L1", "L5"), "r.seg.nrrd", "got none for L5"),
        (("--margin", "2"), "r.seg.nrrd", "--margin: has no meaning for the method super-ellipse"),
        (("--method", "outline", "--size", "0.5"), "r.seg.nrrd", "--size: has no meaning for the method outline"),
        (("--size", "3"), "r.seg.nrrd", "size: expected a share"),
        (("--neighbours", "-1"), "r.seg.nrrd", "neighbours: expected"),
        (("--like", "nothing.nii.gz"), "r.seg.nrrd", "no such file"),
    ],
)
def test_bad_options(folder, capsys, words, out, message):
    assert message in error(folder, capsys, *words, out=out)


def test_bad_points(folder, capsys):
    for points, message in (
        ({name: -point for name, point in CENTRES.items()}, "from head to feet"),
        ({name: point + np.array([0, 500, 0]) for name, point in CENTRES.items()}, "inside the image"),
        ({"L1": CENTRES["L1"]}, "expected two or more"),
        ({"L1": CENTRES["L1"], "L2": CENTRES["L1"] - np.array([0, 0, 1])}, "8 to 60 mm"),
        ({"F-1": CENTRES["L1"], "F-2": CENTRES["L2"]}, "as many stated levels"),
    ):
        write_points(folder / "clicks.mrk.json", points)
        assert message in error(folder, capsys)


def test_help_has_examples(capsys):
    for words in (["regions", "--help"], ["regions", "place", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 0
    assert "mrbiomarkers regions place clicks.mrk.json --image t2.nii.gz --out" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        main(["regions"])
    assert caught.value.code == 2

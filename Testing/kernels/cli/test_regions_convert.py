"""``mrbiomarkers regions convert`` from a segmentation to files: which levels, which voxels, what is refused."""

import json

import nibabel as nib
import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.files import read_regions, write_regions

# Sagittal slices of 3 mm: i to posterior, j to inferior, k to the left.
AFFINE = np.array([[0, 0, -3.0, 21.0], [-2.0, 0, 0, 40.0], [0, -2.0, 0, 70.0], [0, 0, 0, 1.0]])
SHAPE = (15, 66, 56)
MIDDLES = {"T12": 50.0, "L1": 16.0, "L2": -18.0}  # of the bodies, superior [mm]
LABELS = {"T12": 7, "L1": 6, "L2": 5}  # as TotalSegmentator's vertebrae_mr
HALF = np.array([15.0, 15.0, 11.0])  # of a body: right, anterior, superior [mm]


def position(shape=SHAPE, affine=AFFINE):
    k, j, i = np.indices(shape)
    return np.stack([i, j, k], axis=-1) @ affine[:3, :3].T + affine[:3, 3]


def vertebrae():
    """Bodies with arches, joined by pedicles, and the canal between (20)."""
    x, y, z = np.moveaxis(position(), -1, 0)
    labels = np.zeros(SHAPE, np.int16)
    for name, middle in MIDDLES.items():
        body = (abs(x) <= HALF[0]) & (abs(y) <= HALF[1]) & (abs(z - middle) <= HALF[2])
        pedicles = (abs(x) >= 9) & (abs(x) <= 12) & (y < -14) & (y > -34) & (abs(z - middle) <= 5)
        arch = (abs(x) <= 12) & (y <= -33) & (y > -45) & (abs(z - middle) <= 7)
        labels[body | pedicles | arch] = LABELS[name]
    labels[(abs(x) <= 7) & (y < -17) & (y > -32)] = 20
    return labels


def save(path, values, affine=AFFINE, dtype=np.int16):
    nib.save(nib.Nifti1Image(np.asarray(values, dtype).T, affine), path)


@pytest.fixture
def folder(tmp_path):
    labels = vertebrae()
    save(tmp_path / "MUSTERMANN.nii.gz", labels)
    image = np.where(labels > 0, 100.0, 20.0) + np.random.default_rng(2).normal(0, 3, SHAPE)
    image[7, 27, 20] = 900.0  # one bright voxel in the middle of L1
    save(tmp_path / "image.nii.gz", image, dtype=np.float32)
    (tmp_path / "table.json").write_text('{"7": "T12", "6": "L1", "5": "L2", "20": "canal"}')
    return tmp_path


def convert(folder, *words, labels="MUSTERMANN.nii.gz", out="regions.seg.nrrd"):
    return main(["regions", "convert", str(folder / labels), "--out", str(folder / out), *words])


def error(folder, capsys, *words, **files):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert convert(folder, *words, **files) == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    text = capsys.readouterr().err
    assert text.startswith("mrbiomarkers regions convert: error: ")
    assert text.count("\n") == 1
    return text


def table(folder):
    return ("--table", str(folder / "table.json"))


def test_bodies_less_the_margin_on_the_middle_slices(folder, capsys):
    assert convert(folder, *table(folder), "--margin", "3", "--levels", "T12", "L1", "L2") == 0
    read = read_regions(folder / "regions.seg.nrrd")
    assert list(read) == list(MIDDLES)
    printed = capsys.readouterr().out
    record = json.loads((folder / "regions.json").read_text())
    for name, region in read.items():
        places = position()[region.values]
        assert np.unique(places[:, 0]).tolist() == [-3.0, 0.0, 3.0]
        away = np.abs(places - [0, 0, MIDDLES[name]]).max(axis=0)
        # 30 by 22 mm less 3 mm each side, centres a half voxel further in at most
        assert np.all(away[1:] <= HALF[1:] - 3 + 1)
        assert np.all(away[1:] >= HALF[1:] - 3 - 2)
        facts = record["levels"][name]
        assert (facts["label"], facts["found_by"]) == (LABELS[name], "table")
        assert facts["n_voxels"] == region.values.sum()
        (line,) = (line.split() for line in printed.splitlines() if line.startswith(name))
        assert line == [name, str(facts["n_voxels"]), f"{facts['area_mm2']:.0f}", "3.0"]
    assert record["table"] == {"7": "T12", "6": "L1", "5": "L2", "20": "canal"}
    assert record["settings"]["margin"] == 3.0
    assert record["software"].startswith("MRBiomarkers ")
    assert (folder / "regions.png").read_bytes()[1:4] == b"PNG"


def test_lumbar_levels_by_default_and_a_table_by_name(folder):
    assert convert(folder, "--table", "totalsegmentator-mr", "--canal", str(folder / "canal.nii.gz")) == 2
    save(folder / "canal.nii.gz", vertebrae() == 20)
    labels = vertebrae()
    labels[labels == 20] = 0
    save(folder / "ts.nii.gz", labels)
    words = ("--table", "totalsegmentator-mr", "--canal", str(folder / "canal.nii.gz"))
    assert convert(folder, *words, labels="ts.nii.gz") == 0
    record = json.loads((folder / "regions.json").read_text())
    assert list(record["levels"]) == ["L1", "L2"]
    assert record["table"] == "totalsegmentator-mr"
    assert record["body"] == "part in front of the canal"


def test_levels_by_the_codes_of_a_segmentation(folder):
    labels = vertebrae()
    masks = {name: labels == number for name, number in LABELS.items()} | {"canal": labels == 20}
    write_regions(folder / "v.seg.nrrd", masks, AFFINE)
    assert convert(folder, labels="v.seg.nrrd") == 0
    record = json.loads((folder / "regions.json").read_text())
    assert {name: facts["found_by"] for name, facts in record["levels"].items()} == {"L1": "code", "L2": "code"}
    assert record["body"] == "part in front of the canal"
    assert convert(folder, *table(folder), out="by_table.seg.nrrd") == 0
    by_code, by_table = (read_regions(folder / name) for name in ("regions.seg.nrrd", "by_table.seg.nrrd"))
    for name in by_code:
        np.testing.assert_array_equal(by_code[name].values, by_table[name].values)


def test_no_name_of_an_input_is_in_the_outputs(folder, tmp_path):
    assert convert(folder, *table(folder), "--image", str(folder / "image.nii.gz")) == 0
    for name in ("regions.seg.nrrd", "regions.json", "regions.png"):
        content = (folder / name).read_bytes()
        for secret in (b"MUSTERMANN", b"image.nii", b"table.json", str(tmp_path).encode()):
            assert secret not in content


def test_options_reach_the_kernel(folder):
    image = ("--image", str(folder / "image.nii.gz"))
    base = (*table(folder), *image)
    counts, records = {}, {}
    for name, words in {
        "plain": (),
        "vein": ("--without-vein",),
        "outliers": ("--outliers", "6"),
        "one": ("--neighbours", "0"),
        "whole": ("--whole",),
        "thick": ("--thickness", "15"),
    }.items():
        assert convert(folder, *base, *words, out=f"{name}.seg.nrrd") == 0
        counts[name] = int(read_regions(folder / f"{name}.seg.nrrd")["L1"].values.sum())
        records[name] = json.loads((folder / f"{name}.json").read_text())
    assert counts["plain"] == 3 * counts["one"] == counts["outliers"] + 1
    assert counts["thick"] == 5 * counts["one"]
    whole = read_regions(folder / "whole.seg.nrrd")["L1"].values
    assert np.flatnonzero(whole.any(axis=(1, 2))).tolist() == list(range(2, 13))  # x from -15 to 15 mm
    assert 11 * counts["one"] <= counts["whole"] <= 11.2 * counts["one"]  # a corner is kept where the pedicles begin
    assert counts["vein"] == counts["plain"] - records["vein"]["levels"]["L1"]["n_vein"] < counts["plain"]
    assert records["outliers"]["levels"]["L1"]["n_outliers"] == 1
    assert not read_regions(folder / "outliers.seg.nrrd")["L1"].values[7, 27, 20]
    assert records["whole"]["settings"]["neighbours"] is None


def test_regions_on_the_grid_of_a_map(folder):
    axial = np.diag([3.0, 3.0, 4.0, 1.0])
    axial[:3, 3] = -20, -20, -40
    shape = (22, 14, 14)
    save(folder / "map.nii.gz", np.arange(np.prod(shape)).reshape(shape), axial)
    assert convert(folder, *table(folder), "--like", str(folder / "map.nii.gz"), out="r.nii.gz") == 0
    for name, region in read_regions(folder / "r.nii.gz").items():
        assert region.values.shape == shape
        places = position(shape, axial)[region.values]
        np.testing.assert_allclose(places.mean(axis=0), (0, 0, MIDDLES[name]), atol=2.1)
    assert json.loads((folder / "r.labels.json").read_text()) == {"labels": {"1": "L1", "2": "L2"}}


def test_subregions_give_the_body(folder):
    labels = vertebrae()
    y = position()[..., 1]
    save(folder / "sub.nii.gz", np.where(labels == 20, 60, np.where((labels > 0) & (y > -8), 49, 0)))
    words = (*table(folder), "--subregions", str(folder / "sub.nii.gz"), "--margin", "0")
    assert convert(folder, *words) == 0
    region = read_regions(folder / "regions.seg.nrrd")["L1"].values
    assert position()[region][:, 1].min() == -6.0
    assert json.loads((folder / "regions.json").read_text())["body"] == "subregions 49 and 50"


def test_shift(folder):
    assert convert(folder, *table(folder), "--shift", "1") == 0
    record = json.loads((folder / "regions.json").read_text())
    assert {name: facts["label"] for name, facts in record["levels"].items()} == {"L1": 7, "L2": 6, "L3": 5}


def test_nothing_is_guessed(folder, capsys):
    text = error(folder, capsys)
    assert "expected vertebrae, found none (no table was given). Found: 5; 6; 7; 20" in text
    assert "totalsegmentator-mr" in text


def test_other_grids_are_refused(folder, capsys):
    moved = AFFINE.copy()
    moved[0, 3] += 1
    save(folder / "moved.nii.gz", vertebrae(), moved)
    for option in ("--image", "--canal", "--subregions"):
        text = error(folder, capsys, *table(folder), option, str(folder / "moved.nii.gz"))
        assert f"{option} " in text
        assert "expected the grid of LABELS (56 x 66 x 15 voxels" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--table", "totalsegmentor"), "--table: expected totalsegmentator-mr"),
        (("--table", "{folder}/bad.json"), "bad.json: expected JSON as"),
        (("--table", "{folder}/wrong.json"), "expected a level (C1-C7"),
        (("--table", "{folder}/table.json", "--levels", "L5"), "levels: expected one of L5 among the labels"),
        (("--table", "{folder}/table.json", "--outliers", "3"), "--outliers: expected --image with it"),
        (("--table", "{folder}/table.json", "--margin", "-1"), "margin: expected 0 to 20 mm"),
        (("--table", "{folder}/table.json", "--like", "{folder}/no.nrrd"), "no such file"),
        (("--table", "{folder}/table.json", "--like", "{folder}/bad.nii.gz"), "--like"),
    ],
)
def test_bad_options(folder, capsys, words, message):
    (folder / "bad.json").write_text("[1]")
    (folder / "wrong.json").write_text('{"5": "X1"}')
    (folder / "bad.nii.gz").write_bytes(b"no image")
    assert message in error(folder, capsys, *(word.format(folder=folder) for word in words))


def test_files_that_exist_and_inputs(folder, capsys):
    (folder / "regions.json").write_text("mine")
    assert "regions.json exists" in error(folder, capsys, *table(folder))
    text = error(folder, capsys, *table(folder), "--overwrite", out="table.seg.nrrd")
    assert "table.json is an input and would be replaced" in text
    assert convert(folder, *table(folder), "--overwrite") == 0


def test_help_has_examples(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["regions", "convert", "--help"])
    assert caught.value.code == 0
    assert "mrbiomarkers regions convert vertebrae_mr.nii.gz --table totalsegmentator-mr" in capsys.readouterr().out


def test_real_spineps_sample(shared_data, tmp_path):
    spine = shared_data / "spine"
    words = ["--table", "spineps", "--levels", "C6", "C7", "--image", str(spine / "tptbox_sub-mri_label-6_T2w.nii.gz")]
    words += ["--subregions", str(spine / "tptbox_sub-mri_seg-subreg_label-6_msk.nii.gz"), "--margin", "0", "--whole"]
    out = tmp_path / "r.seg.nrrd"
    assert (
        main(
            ["regions", "convert", str(spine / "tptbox_sub-mri_seg-vert_label-6_msk.nii.gz"), "--out", str(out), *words]
        )
        == 0
    )
    vertebra, parts = (
        np.asarray(nib.load(spine / f"tptbox_sub-mri_seg-{name}_label-6_msk.nii.gz").dataobj).T
        for name in ("vert", "subreg")
    )
    for name, label in (("C6", 6), ("C7", 7)):
        expected = (vertebra == label) & np.isin(parts, (49, 50))
        np.testing.assert_array_equal(read_regions(out)[name].values, expected)

import csv
import json
import re

import nibabel as nib
import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.files import Volume, read_map, write_map_with_sidecar, write_volume
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity
from Testing.support.volumes import SMALL_AFFINE as AFFINE
from Testing.support.volumes import SMALL_SHAPE as SHAPE


def run(*words):
    return main(["regions", *map(str, words)])


def table(path):
    with path.open(newline="") as stream:
        return {(r["reader"], r["region"], r["quantity"], r["slice"]): r for r in csv.DictReader(stream)}


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(40.0, 4.0, SHAPE).astype(np.float32)


@pytest.fixture
def folder(tmp_path, values):
    known = quantity("D")
    d = ParameterMap(values / 1e5, known, known.unit, AFFINE, provenance={"model": "ivim", "method": "nlls"})
    write_map_with_sidecar(tmp_path / "D.nii.gz", d)
    write_volume(tmp_path / "plain.nii.gz", Volume(values, AFFINE))
    for reader, shift in (("a", 0), ("b", 1)):
        labels = np.zeros(SHAPE, np.uint8)
        labels[1:3, 2 + shift : 6 + shift, 1], labels[3:6, 5:9, 2:4] = 1, 2
        write_volume(tmp_path / f"{reader}.nii.gz", Volume(labels, AFFINE))
    return tmp_path


def test_two_readers_measure_a_map(folder, values, capsys):
    readers = ["--readers", f"A={folder / 'a.nii.gz'}", f"B={folder / 'b.nii.gz'}"]
    means = ["--mean", "label_1", "label_2", "--per-slice"]
    assert run("measure", folder / "D.nii.gz", *readers, *means, "--out", folder / "out") == 0
    out = folder / "out"
    assert {p.name for p in out.iterdir()} == {
        "measurements.csv",
        "comparison.csv",
        "run.json",
        "regions_A.png",
        "regions_B.png",
    }
    rows = table(out / "measurements.csv")
    for reader in "ab":
        inside = np.asarray(nib.load(folder / f"{reader}.nii.gz").dataobj).transpose(2, 1, 0) == 1
        row = rows[reader.upper(), "label_1", "D", "all"]
        assert float(row["value"]) == pytest.approx(values[inside].mean() / 100, rel=1e-5)
        assert (row["unit"], row["model"]) == ("10^-3 mm2/s", "ivim")
    assert ("mean", "label_1+label_2", "D", "all") in rows
    assert ("A", "label_2", "D", "4") in rows
    with (out / "comparison.csv").open(newline="") as stream:
        dice = {r["region"]: float(r["dice"]) for r in csv.DictReader(stream)}
    assert dice == {"label_1": pytest.approx(2 * 6 / 16), "label_2": 1.0}
    assert "mean" in capsys.readouterr().out


def test_a_map_without_a_word_of_what_it_is(folder, values, capsys):
    plain, regions = folder / "plain.nii.gz", ["--regions", f"L3={folder / 'a.nii.gz'}"]
    assert run("measure", plain, *regions, "--out", folder / "out") == 2
    assert re.search(r"plain.nii.gz: expected a JSON file beside it .* NAME=", capsys.readouterr().err)
    assert run("measure", f"PDFF={plain}", *regions, "--out", folder / "out") == 2
    said = capsys.readouterr().err
    assert "map 'PDFF': expected a scale" in said
    assert "--map-scale PDFF=UNIT" in said
    assert run("measure", f"water={plain}", *regions, "--out", folder / "out") == 2
    assert "expected the unit of water, 'a.u.'" in capsys.readouterr().err
    given = [f"PDFF={plain}", "--map-scale", "PDFF=%", *regions, "--reader", "me", "--subject", "s1"]
    assert run("measure", *given, "--out", folder / "out") == 0
    inside = np.asarray(nib.load(folder / "a.nii.gz").dataobj).transpose(2, 1, 0) > 0
    row = table(folder / "out" / "measurements.csv")["me", "L3", "PDFF", "all"]
    assert float(row["value"]) == pytest.approx(values[inside].mean(), rel=1e-5)
    assert (row["subject"], row["n_voxels"]) == ("s1", str(inside.sum()))
    given = [f"water={plain}", "--map-scale", "water=a.u.", *regions]
    assert run("measure", *given, "--out", folder / "water") == 0
    row = table(folder / "water" / "measurements.csv")["", "L3", "water", "all"]
    assert float(row["value"]) == pytest.approx(values[inside].mean(), rel=1e-5)


def test_a_map_in_another_unit_is_proposed_and_converted_when_accepted(folder, values, capsys):
    stored = np.round(values * 10).astype(np.int16)  # 10^-6 mm2/s
    write_volume(folder / "stored.nii.gz", Volume(stored, AFFINE))
    words = ["measure", f"D={folder / 'stored.nii.gz'}", "--regions", f"L3={folder / 'a.nii.gz'}"]
    assert run(*words, "--out", folder / "out") == 2
    assert "--map-scale 'D=10^-6 mm2/s'" in capsys.readouterr().err
    assert not (folder / "out").exists()
    inside = np.asarray(nib.load(folder / "a.nii.gz").dataobj).transpose(2, 1, 0) > 0
    for n, scale in enumerate(("10^-6 mm2/s", "um2/s", "0.001*um2/ms")):
        assert run(*words, "--map-scale", f"D={scale}", "--out", folder / f"out{n}") == 0
        row = table(folder / f"out{n}" / "measurements.csv")["", "L3", "D", "all"]
        assert float(row["value"]) == pytest.approx(stored[inside].mean() / 1000, rel=1e-5)
        assert (row["unit"], row["model"], row["fit"]) == ("10^-3 mm2/s", "scanner", "as stored")


def test_a_map_is_read_as_it_was_written(folder, values):
    read = read_map(folder / "D.nii.gz")
    assert (read.quantity.key, read.unit) == ("D", "10^-3 mm2/s")
    assert read.provenance["method"] == "nlls"
    np.testing.assert_allclose(read.values, values / 100, rtol=1e-6)
    assert read_map(folder / "D.nii.gz", key="D", unit="um2/ms").unit == "10^-3 mm2/s"
    for unit in ("um2/s", "bananas"):
        with pytest.raises(ValueError, match=rf"expected unit '10\^-3 mm2/s', as the JSON file .* says, got '{unit}'"):
            read_map(folder / "D.nii.gz", key="D", unit=unit)
    with pytest.raises(ValueError, match=r"expected quantity 'D', as the JSON file beside it says, got 'f'"):
        read_map(folder / "D.nii.gz", key="f")
    (folder / "D.json").write_text("{broken")
    with pytest.raises(ValueError, match=r"D.json: expected a JSON file"):
        read_map(folder / "D.nii.gz")


def test_lesions_have_their_size(folder, capsys):
    readers = ["--readers", f"A={folder / 'a.nii.gz'}"]
    lesion = ["--lesions", "label_1", "--lesion-area", 1, 2, "--outer", folder / "a.nii.gz"]
    assert run("measure", folder / "D.nii.gz", *readers, *lesion, "--out", folder / "out") == 0
    with (folder / "out" / "lesions.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    area = float(table(folder / "out" / "measurements.csv")["A", "label_1", "D", "all"]["area_mm2"])
    assert float(row["area_mm2"]) == pytest.approx(area)
    assert row["areas_by_slice_mm2"].startswith("2:")
    assert int(row["n_touching"]) > 0
    said = capsys.readouterr().out
    assert "label_1" in said
    assert "outer contour" in said


BAD = {
    "no regions": ([], "required"),
    "unit of nothing": (
        ["--map-scale", "PDFF", "--regions", "L3=a.nii.gz"],
        "--map-scale: expected NAME=UNIT, got 'PDFF'",
    ),
    "unit of no map": (
        ["--map-scale", "PDFF=%", "--regions", "L3=a.nii.gz"],
        "--map-scale: expected names of maps given as NAME=MAP, got PDFF",
    ),
    "reader twice": (["--readers", "A=a.nii.gz", "A=b.nii.gz"], "--readers: expected A once"),
    "reader mean": (["--readers", "mean=a.nii.gz", "A=b.nii.gz"], "other names than 'mean'"),
    "reader of readers": (["--readers", "A=a.nii.gz", "B=b.nii.gz", "--reader", "C"], "--reader: expected with"),
    "missing file": (["--regions", "L3=none.nii.gz"], "none.nii.gz"),
    "lesion of unknown": (["--regions", "L3=a.nii.gz", "--lesions", "x"], "--lesions: expected a region (L3), got 'x'"),
    "outer of nothing": (["--regions", "L3=a.nii.gz", "--outer", "a.nii.gz"], "--outer: expected with --lesions"),
    "mean of unknown": (["--regions", "L3=a.nii.gz", "--mean", "L9"], "L9"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_bad_input(folder, words, message, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    try:
        status = run("measure", "D.nii.gz", *words, "--out", "out")
    except SystemExit as stop:
        status = stop.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert not (folder / "out").exists()


def test_two_tables_agree(folder, values, capsys):
    generator = np.random.default_rng(1)
    for reader in "AB":
        for n in range(8):
            known = quantity("PDFF")
            # Subjects differ by much more than readers do.
            truth = 10.0 * n + values + generator.normal(0, 0.3)
            write_map_with_sidecar(folder / "PDFF.nii.gz", ParameterMap(truth, known, "%", AFFINE))
            regions = ["--regions", f"L3={folder / 'a.nii.gz'}", "--reader", reader, "--subject", f"s{n}"]
            assert run("measure", folder / "PDFF.nii.gz", *regions, "--out", folder / f"{reader}{n}") == 0
    tables = [folder / f"{reader}{n}" / "measurements.csv" for reader in "AB" for n in range(8)]
    assert run("agree", *tables, "--readers", "A", "B", "--out", folder / "agreement") == 0
    out = folder / "agreement"
    with (out / "agreement.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["quantity"], row["n"], row["icc_kind"], row["icc_band"]) == ("PDFF", "8", "3,1", "excellent")
    assert float(row["icc"]) > 0.99
    assert float(row["lower_limit"]) < float(row["bias"]) < float(row["upper_limit"])
    averaged = table(out / "averaged.csv")
    assert ("mean", "L3", "PDFF", "all") in averaged
    assert len(list(out.glob("bland_altman_*.png"))) == 1
    assert "ICC" in capsys.readouterr().out
    assert run("agree", *tables, "--readers", "A", "C", "--out", folder / "other") == 2
    assert "expected a reader of the table ('A', 'B'), got 'C'" in capsys.readouterr().err
    assert run("agree", tables[0], tables[0], "--readers", "A", "B", "--out", folder / "other") == 2
    assert "expected every file once" in capsys.readouterr().err
    assert not (folder / "other").exists()


def test_run_record_says_how_regions_were_copied(folder):
    regions = ["--regions", f"L3={folder / 'a.nii.gz'}", "--by-index"]
    assert run("measure", folder / "D.nii.gz", *regions, "--out", folder / "out") == 0
    assert json.loads((folder / "out" / "run.json").read_text())["copied by"] == "index"

import csv
import json

import nibabel as nib
import numpy as np
import pytest
from scipy.io import savemat

from mrbiomarkers.cli import main
from mrbiomarkers.files import Volume, write_echo_series, write_volume
from mrbiomarkers.phantom import lumbar_fat_water

REGIONS = ("L2", "L3", "L4")
MAPS = {"PDFF", "R2star", "water", "fat", "in_phase", "opposed_phase", "field_map", "residual", "status"}


@pytest.fixture(scope="module")
def phantom():
    return lumbar_fat_water(shape=(3, 96, 96), seed=3, field_range=150.0)


@pytest.fixture
def folder(tmp_path, phantom):
    write_echo_series(tmp_path / "mag.nii.gz", phantom.series, phase_path=tmp_path / "phase.nii.gz")
    for name in REGIONS:
        write_volume(tmp_path / f"{name}.nii.gz", Volume(phantom.regions[name], phantom.series.affine))
    return tmp_path


def run(folder, *words, out="out"):
    return main(["fatwater", *map(str, words), "--out", str(folder / out)])


def region_words(folder):
    return ["--regions", *(f"{name}={folder / f'{name}.nii.gz'}" for name in REGIONS)]


def table(folder, out="out"):
    with (folder / out / "measurements.csv").open(newline="") as stream:
        return {(r["region"], r["quantity"], r["method"]): r for r in csv.DictReader(stream)}


def check_table(rows, phantom, *, pdff=1.5, rate=8.0):
    """All ways to measure a region give the truth within what so few voxels allow."""
    for name in REGIONS:
        truth = phantom.region_truth[name]
        for method in ("mean of map", "ratio of mean signals", "fit of mean signal"):
            assert float(rows[name, "PDFF", method]["value"]) == pytest.approx(truth["PDFF"], abs=pdff), (name, method)
        for method in ("mean of map", "fit of mean signal"):
            assert float(rows[name, "R2star", method]["value"]) == pytest.approx(truth["R2star"], abs=rate)
        row = rows[name, "PDFF", "fit of mean signal"]
        assert float(row["ci_low"]) < float(row["value"]) < float(row["ci_high"])


def test_magnitude_and_phase_to_maps_table_and_figures(folder, phantom, capsys):
    assert run(folder, folder / "mag.nii.gz", "--phase", folder / "phase.nii.gz", *region_words(folder)) == 0
    out = folder / "out"
    expected = (
        {f"{name}.nii.gz" for name in MAPS} | {f"{name}.json" for name in MAPS} | {"measurements.csv", "run.json"}
    )
    expected |= {f"{kind}_{name}.png" for kind in ("decay", "maps") for name in REGIONS} | {"maps.png"}
    assert {path.name for path in out.iterdir()} == expected
    check_table(table(folder), phantom)
    written = nib.load(out / "PDFF.nii.gz")
    np.testing.assert_allclose(written.affine, phantom.series.affine, atol=1e-4)
    beside = json.loads((out / "PDFF.json").read_text())
    assert beside["unit"] == "%"
    np.testing.assert_allclose(beside["provenance"]["echo_times_s"], phantom.series.echo_times)
    record = json.loads((out / "run.json").read_text())
    assert record["settings"]["spectrum"] == "ren-marrow"
    assert record["field_strength_T"] == 3.0
    for path in out.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr()
    assert "L3" in said.out
    assert "PDFF" in said.out
    assert str(out.resolve()) in said.out


def test_nothing_that_is_exported_holds_the_name_of_an_input_file(folder):
    for part, name in (("mag", "DOE_JOHN"), ("phase", "DOE_JOHN_ph")):
        (folder / f"{part}.nii.gz").rename(folder / f"{name}.nii.gz")
    (folder / "mag.json").rename(folder / "DOE_JOHN.json")
    assert run(folder, folder / "DOE_JOHN.nii.gz", "--phase", folder / "DOE_JOHN_ph.nii.gz") == 0
    for path in (folder / "out").iterdir():
        assert b"DOE" not in path.read_bytes(), path.name


def test_the_same_data_stored_in_other_ways_give_the_same_maps(folder, phantom):
    signal, affine = phantom.series.signal.astype(np.complex64), phantom.series.affine
    times = [f"{1e3 * t:.6g}" for t in phantom.series.echo_times]
    said = ["--echo-times", ",".join(times), "--field-strength", 3]
    assert run(folder, folder / "mag.nii.gz", "--phase", folder / "phase.nii.gz", out="reference") == 0
    for name, part in (("real", signal.real), ("imaginary", signal.imag)):
        write_volume(folder / f"{name}.nrrd", Volume(part[..., 0], affine))
        nib.save(nib.Nifti1Image(part.transpose(2, 1, 0, 3), affine), folder / f"{name}.nii")
        for n in range(len(times)):
            nib.save(nib.Nifti1Image(part[..., n].transpose(2, 1, 0), affine), folder / f"{name}_{n}.nii")
    nib.save(nib.Nifti1Image(signal.transpose(2, 1, 0, 3), affine), folder / "both.nii.gz")
    numbers = range(len(times))
    ways = {
        "parts": [folder / "real.nii", "--imaginary", folder / "imaginary.nii"],
        "files": [
            *(folder / f"real_{n}.nii" for n in numbers),
            "--imaginary",
            *(folder / f"imaginary_{n}.nii" for n in numbers),
        ],
        "complex": [folder / "both.nii.gz"],
    }
    peer = np.asarray(nib.load(folder / "reference" / "PDFF.nii.gz").dataobj)
    for name, words in ways.items():
        assert run(folder, *words, *said, out=name) == 0
        ours = np.asarray(nib.load(folder / name / "PDFF.nii.gz").dataobj)
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(peer))
        assert np.nanmax(np.abs(ours - peer)) < 0.02, name  # phase and magnitude were rounded to single precision


def test_a_toolbox_file(folder, phantom):
    images = phantom.series.signal.transpose(2, 1, 0, 3)[:, :, :, None, :]
    data = {"images": images, "TE": phantom.series.echo_times, "FieldStrength": 3.0, "PrecessionIsClockwise": 1.0}
    savemat(folder / "im.mat", {"imDataParams": data})
    assert run(folder, folder / "im.mat", "--spacing", 2.6, 2.6, 4.5) == 0
    ours = np.asarray(nib.load(folder / "out" / "PDFF.nii.gz").dataobj).transpose(2, 1, 0)
    truth = phantom.region_truth["L3"]["PDFF"]
    assert np.nanmean(ours[phantom.regions["L3"]]) == pytest.approx(truth, abs=1.5)


def test_magnitudes_alone(folder, phantom, capsys):
    assert run(folder, folder / "mag.nii.gz", *region_words(folder)) == 0
    check_table(table(folder), phantom, pdff=3.0, rate=15.0)
    assert not (folder / "out" / "field_map.nii.gz").exists()
    record = json.loads((folder / "out" / "run.json").read_text())
    assert any("magnitude" in line for line in record["warnings"])
    assert "magnitude" in capsys.readouterr().out


def test_maps_of_a_scanner(folder, phantom):
    truth = phantom.truth
    for name, factor in (("PDFF", 10.0), ("R2star", 1.0)):
        stored = np.nan_to_num(truth[name] * factor).astype(np.float32)
        write_volume(folder / f"scanner_{name}.nii.gz", Volume(stored, phantom.series.affine))
    maps = ["--maps", *(f"{name}={folder / f'scanner_{name}.nii.gz'}" for name in ("PDFF", "R2star"))]
    scales = ["--map-scale", "PDFF=permille", "R2star=1/s"]
    assert run(folder, *maps, *scales, *region_words(folder)) == 0
    rows = table(folder)
    for name in REGIONS:
        inside = phantom.regions[name]
        for key in ("PDFF", "R2star"):
            value = float(rows[name, key, "mean of map"]["value"])
            assert value == pytest.approx(truth[key][inside].mean(), rel=1e-4)
    assert (folder / "out" / "maps_L3.png").exists()


def test_what_is_on_disk_is_kept(folder, capsys):
    (folder / "out").mkdir()
    (folder / "out" / "mine.txt").write_text("keep")
    assert run(folder, folder / "mag.nii.gz", "--phase", folder / "phase.nii.gz") == 2
    assert "expected an empty or new folder" in capsys.readouterr().err
    assert (folder / "out" / "mine.txt").read_text() == "keep"

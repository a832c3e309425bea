import csv

from mrbiomarkers.cli import main


def test_demo_runs_twice_and_its_intervals_hold_the_truth(tmp_path, capsys):
    out = tmp_path / "with a blank"
    assert main(["demo", "--out", str(out)]) == 0
    assert main(["demo", "--out", str(out)]) == 2
    assert main(["demo", "--out", str(out), "--overwrite"]) == 0
    said = capsys.readouterr().out
    assert "measurements.csv" in said
    with (out / "data" / "truth.csv").open(newline="") as stream:
        truth = {(row["region"], row["quantity"]): float(row["value"]) for row in csv.DictReader(stream)}
    with (out / "results" / "measurements.csv").open(newline="") as stream:
        rows = [
            row for row in csv.DictReader(stream) if row["method"] == "fit of mean signal" and row["model"] == "ivim"
        ]
    held = [
        float(row["ci_low"]) <= truth[row["region"], row["quantity"]] <= float(row["ci_high"])
        for row in rows
        if row["quantity"] in ("f", "D", "Dstar")
    ]
    assert len(held) == 18
    # 95 % intervals: one or two of eighteen may miss (four or more would be one seed in a hundred)
    assert sum(held) >= 15
    assert len(list((out / "results").glob("*.png"))) == 12


def test_demo_of_water_and_fat(tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", "fatwater", "--out", str(out)]) == 0
    assert "mrbiomarkers fatwater" in capsys.readouterr().out
    with (out / "data" / "truth.csv").open(newline="") as stream:
        truth = {(row["region"], row["quantity"]): float(row["value"]) for row in csv.DictReader(stream)}
    with (out / "results" / "measurements.csv").open(newline="") as stream:
        fits = [row for row in csv.DictReader(stream) if row["method"] == "fit of mean signal"]
    rows = [row for row in fits if row["quantity"] in ("PDFF", "R2star")]
    off = {
        (row["region"], row["quantity"]): float(row["value"]) - truth[row["region"], row["quantity"]] for row in rows
    }
    assert len(off) == 12
    assert max(abs(value) for (_, key), value in off.items() if key == "PDFF") < 0.5
    # some 200 voxels a region: 1 to 2 1/s standard error
    assert max(abs(value) for (_, key), value in off.items() if key == "R2star") < 5

"""The command from end to end: what it prints, what it writes, and how it refuses."""

import csv
import json
import re

import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.diffusion.planning import TISSUES, plan_bvalues
from Testing.support.simulate import B_ALL, B_LESION, NEX_LESION


def run(*words):
    return main(["plan-bvalues", *map(str, words)])


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_plan_is_printed_and_written(tmp_path, capsys):
    out = tmp_path / "plan"
    assert run("--tissue", "marrow", "--snr", 50, "--images", 33, "--b-max", 1000, "--out", out) == 0
    assert {path.name for path in out.iterdir()} == {"plan.png", "plan.json", "bvalues.csv", "precision.csv"}
    assert (out / "plan.png").read_bytes().startswith(b"\x89PNG")
    plan = plan_bvalues("ivim", {"marrow": TISSUES["ivim"]["marrow"]}, snr=50, n_images=33, b_max=1000, compare=B_ALL)
    proposed = [row for row in rows_of(out / "bvalues.csv") if row["set"] == "proposal"]
    assert [float(row["bvalue [s/mm2]"]) for row in proposed] == plan.proposal.bvalues.tolist()
    assert [float(row["images"]) for row in proposed] == plan.proposal.averages.tolist()
    assert len(rows_of(out / "bvalues.csv")) - len(proposed) == B_ALL.size
    precision = {row["quantity"]: row for row in rows_of(out / "precision.csv")}
    assert (precision["D"]["unit"], float(precision["D"]["value"])) == ("10^-3 mm2/s", 0.42)
    for key, row in precision.items():
        assert float(row["cv_proposal [%]"]) == pytest.approx(100 * plan.proposal.relative["marrow"][key], rel=1e-5)
        assert float(row["cv_comparison [%]"]) == pytest.approx(100 * plan.comparison.relative["marrow"][key], rel=1e-5)
    record = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert record["software"].startswith("MRBiomarkers ")
    assert record["weights"] == {"f": 1, "D": 1, "Dstar": 1}
    assert record["proposal"]["bvalues"] == plan.proposal.bvalues.tolist()
    said = capsys.readouterr().out
    assert "proposed b [s/mm2]" in said
    assert f"the comparison needs {plan.gain:.2f} times the scan time" in said
    assert re.search(rf"D = 0.42 10\^-3 mm2/s +{100 * plan.proposal.relative['marrow']['D']:.1f} ", said)
    assert f"results in {out.resolve()}" in said


def test_values_by_hand_weights_scan_time_and_comparison_with_averages(tmp_path):
    compared = [f"{b:g}x{n:g}" for b, n in zip(B_LESION, NEX_LESION, strict=True)]
    words = ("--values", "f=0.2", "D=0.9", "Dstar=25", "--snr", 40, "--scan-time", 5, "--time-per-image", 6)
    more = ("--b-max", 1500, "--parameters", "f", "D=2", "--at-least", "0=2", "75=3", "--compare", *compared)
    assert run(*words, *more, "--out", tmp_path / "a") == 0
    record = json.loads((tmp_path / "a" / "plan.json").read_text(encoding="utf-8"))
    values = {"f": 0.2, "D": 0.9e-3, "Dstar": 25e-3}
    plan = plan_bvalues(
        "ivim", values, snr=40, n_images=50, b_max=1500, weights={"f": 1, "D": 2}, minimum={0: 2, 75: 3},
        compare=B_LESION, compare_averages=NEX_LESION,
    )  # fmt: skip
    assert record["proposal"]["bvalues"] == plan.proposal.bvalues.tolist()
    assert record["proposal"]["images"] == plan.proposal.averages.tolist()
    assert record["comparison, scaled to as many images"]["criterion"] == pytest.approx(plan.comparison.criterion)
    tissue = record["tissues, kernel units (mm2/s)"]["by hand"]
    assert tissue == pytest.approx(values | {"S0": 1.0})
    wanted = {row["quantity"]: row["optimised"] for row in rows_of(tmp_path / "a" / "precision.csv")}
    assert wanted == {"f": "yes", "D": "yes", "Dstar": "no"}


def test_without_out_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("--model", "adc", "--tissue", "marrow", "lesion", "--over", "worst", "--snr", 20, "--images", 8) == 0
    assert list(tmp_path.iterdir()) == []
    said = capsys.readouterr().out
    assert "ADC = 1.05 10^-3 mm2/s" in said
    assert "warning" not in said


def test_defaults_follow_the_model_and_what_cannot_be_measured_is_said(capsys):
    assert run("--snr", 10, "--images", 11) == 0
    said = capsys.readouterr().out
    assert re.search(r"marrow +f = 0.15", said)
    assert "warning: above about 33 % a parameter is not measurable" in said
    assert run("--model", "stretched", "--snr", 50, "--images", 11) == 0
    assert re.search(r"lesion +DDC = 1.3 10\^-3 mm2/s", capsys.readouterr().out)


def test_a_comparison_that_cannot_determine_the_model_is_infinite(tmp_path, capsys):
    words = ("--snr", 50, "--images", 11, "--compare", 0, 500, 800, "--out", tmp_path / "out")
    assert run(*words) == 0
    said = capsys.readouterr().out
    assert re.search(r"f = 0.15 .* inf +inf", said)
    assert "The comparison does not determine what is to be measured." in said
    assert rows_of(tmp_path / "out" / "precision.csv")[0]["cv_comparison [%]"] == "inf"
    json.loads((tmp_path / "out" / "plan.json").read_text(encoding="utf-8"))


def test_a_second_run_is_refused_unless_overwrite(tmp_path, capsys):
    words = ("--model", "adc", "--snr", 20, "--images", 8, "--out", tmp_path / "out")
    assert run(*words) == 0
    (tmp_path / "out" / "notes.txt").write_text("mine")
    capsys.readouterr()
    assert run(*words) == 2
    said = capsys.readouterr()
    assert "expected an empty or new folder; --overwrite" in said.err
    assert said.out == ""
    assert run(*words, "--overwrite") == 0
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


BASE = ("--snr", "50", "--images", "20")
BAD = {
    "unknown tissue": ((*BASE, "--tissue", "bone"), "--tissue for ivim: expected one of .*marrow.*; got 'bone'"),
    "no preset": ((*BASE, "--model", "kurtosis"), "--tissue: there is no preset for the model kurtosis; give --values"),
    "missing value": ((*BASE, "--values", "f=0.1"), "--values for ivim: expected f, D, Dstar, each once; got f"),
    "no equals sign": ((*BASE, "--values", "f"), "--values: expected NAME=VALUE, got 'f'"),
    "text as value": ((*BASE, "--values", "f=a"), "--values: expected a number, got 'a' in 'f=a'"),
    "value twice": ((*BASE, "--values", "f=1", "f=2"), "--values: expected every name once, got f twice"),
    "zero value": ((*BASE, "--values", "f=0", "D=1", "Dstar=20"), "tissues: f of 'by hand' is 0"),
    "infinite value": ((*BASE, "--values", "f=0.1", "D=inf", "Dstar=20"), "tissues: expected one finite number"),
    "snr": (("--snr", "-1", "--images", "20"), "snr: expected a number above 0, got -1"),
    "too few images": (("--snr", "50", "--images", "3"), "n_images: expected a whole number, enough for 4 parameters"),
    "no time per image": (("--snr", "50", "--scan-time", "3"), "--scan-time: expected --time-per-image with it"),
    "time per image alone": ((*BASE, "--time-per-image", "3"), "--time-per-image: expected with --scan-time only"),
    "negative time": (
        ("--snr", "50", "--scan-time", "-3", "--time-per-image", "2"),
        "--scan-time: expected a number above 0, got -3",
    ),
    "b-max": ((*BASE, "--b-max", "-5"), "b_max: expected a number above 0 and .* got -5"),
    "high b-max": ((*BASE, "--b-max", "1e9"), "b_max: expected a number above 0 and up to 20000 s/mm2"),
    "low b-max": ((*BASE, "--b-max", "5"), "candidates: the b-values .* do not determine f, D, Dstar"),
    "unknown parameter": ((*BASE, "--parameters", "ADC"), "weights: expected some of f, D, Dstar; got ADC"),
    "text as weight": ((*BASE, "--parameters", "f=x"), "--parameters: expected a number, got 'x'"),
    "parameter twice": ((*BASE, "--parameters", "f", "f=2"), "--parameters: expected every name once, got f twice"),
    "at least without number": ((*BASE, "--at-least", "0"), "--at-least: expected B=N, got '0'"),
    "half an image": ((*BASE, "--at-least", "0=0.5"), "minimum: expected whole numbers of images"),
    "too many asked for": ((*BASE, "--at-least", "0=21"), "21 images asked for by minimum; got 20"),
    "text in comparison": ((*BASE, "--compare", "0", "ten"), "--compare: expected a number, got 'ten'"),
    "negative comparison": ((*BASE, "--compare", "0", "80x-1"), "compare_averages: expected 2 positive numbers"),
    "one b-value": ((*BASE, "--compare", "0x3"), "bvalues: expected at least two different b-values"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_with_status_2_and_writes_nothing(case, tmp_path, capsys):
    words, message = BAD[case]
    assert run(*words, "--out", tmp_path / "out") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith("mrbiomarkers plan-bvalues: error: ")
    assert re.search(message, said.err), said.err
    assert list(tmp_path.iterdir()) == []


def test_output_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    assert run(*BASE, "--out", tmp_path / "out") == 2
    assert "expected a folder for the results, got a file" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


def test_help_shows_an_example_and_names_the_unit(capsys):
    with pytest.raises(SystemExit) as stop:
        run("--help")
    assert stop.value.code == 0
    said = capsys.readouterr().out
    assert "mrbiomarkers plan-bvalues --tissue marrow --snr 50 --images 33" in said
    assert "10^-3 mm2/s" in said

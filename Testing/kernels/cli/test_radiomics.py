"""The command ``mrbiomarkers radiomics``."""

import csv
import io

import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.cli.radiomics import bar_progress
from mrbiomarkers.tables.features import features_from_csv
from Testing.support.radiomics_cases import write_cases


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_cases(tmp_path, 2)

    def command(*words):
        return main(["radiomics", "cases.csv", "--out", "features.csv", "--jobs", "1", *map(str, words)])

    return command


def rows(tmp_path):
    return features_from_csv((tmp_path / "features.csv").read_text())


def test_107_features_of_each_case(run, tmp_path, capsys):
    assert run() == 0
    found = rows(tmp_path)
    assert [(row.subject, row.region, row.status, len(row.features)) for row in found] == [
        ("S0", "label_1", "measured", 107),
        ("S1", "label_1", "measured", 107),
    ]
    said = capsys.readouterr()
    assert "2 of 2 regions measured (0 cases were there already): features.csv" in said.out
    assert said.err.startswith("Radiomics, cases: 2 in ")
    assert run() == 0
    assert "(2 cases were there already)" in capsys.readouterr().out


def test_a_parameter_file_with_codes(run, tmp_path, capsys):
    (tmp_path / "p.yaml").write_text("setting: {preCrop: true}\nfeatureClass: {firstorder: [Mean, Kurtosis], ngtdm: }")
    assert run("--settings", "p.yaml", "--ibsi-names") == 0
    header = next(csv.reader(io.StringIO((tmp_path / "features.csv").read_text())))
    assert header[9:12] == [
        "original_firstorder_Kurtosis",
        "original_firstorder_Mean_Q4LE",
        "original_ngtdm_Busyness_NQ30",
    ]
    assert "note: preCrop is not followed" in capsys.readouterr().out
    plain = rows(tmp_path)[0].features["original_firstorder_Kurtosis"]
    words = ("--standard", "ibsi", "--bin-minimum", "0", "--overwrite")
    assert run("--settings", "p.yaml", "--ibsi-names", *words) == 0
    assert "original_firstorder_Kurtosis_IPH6" in (tmp_path / "features.csv").read_text()
    assert rows(tmp_path)[0].features["original_firstorder_Kurtosis"] == pytest.approx(plain - 3)


def test_the_notes_of_a_preset_are_shown(run, tmp_path, capsys):
    assert run("--settings", "breast") == 0
    assert "note: preset breast" in capsys.readouterr().out
    assert {len(row.features) for row in rows(tmp_path)} == {851}


def test_bad_cases_are_shown_and_the_rest_is_there(run, tmp_path, capsys):
    with (tmp_path / "cases.csv").open("a") as stream:
        stream.write("S9,none.nii.gz,mask.nrrd\n")
    assert run() == 0
    assert "failed: line 4 (S9): No such file or directory" in capsys.readouterr().out
    assert [row.status for row in rows(tmp_path)] == ["measured", "measured", "failed"]


def test_images_with_few_levels_are_told_in_one_line(run, tmp_path, capsys):
    (tmp_path / "wide.yaml").write_text("setting: {binWidth: 60}\nimageType: {Original: {}, Square: {}, Gradient: {}}")
    assert run("--settings", "wide.yaml") == 0
    levels = [row.levels for row in rows(tmp_path)]
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    few = {name: [level[name] for level in levels if level[name] < 8] for name in levels[0]}
    expected = ", ".join(
        f"{name} in {len(found)} ({min(found)}{f' to {max(found)}' if max(found) > min(found) else ''})"
        for name, found in few.items()
        if found
    )
    assert expected.count(" in ") >= 2
    assert lines == [f"warning: fewer than 8 grey levels (textures say little), of 2 regions: {expected}"]


def test_a_table_of_failures_is_written_and_an_error(run, tmp_path, capsys):
    (tmp_path / "cases.csv").write_text("subject,image,mask\nS9,none.nii.gz,mask.nrrd\n")
    assert run() == 2
    assert "expected at least one region that can be measured, got none" in capsys.readouterr().err
    assert [row.reason for row in rows(tmp_path)] == ["No such file or directory: '[image]'"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--standard", "ibsi"), "bin_minimum: expected the value at which the first bin starts"),
        (("--settings", "rectal"), "--settings: expected a file or one of rectal-t2, rectal-adc, breast; got 'rectal'"),
        (("--settings", "p.yaml"), "p.yaml: no such file"),
        (("--settings", "bad.yaml"), "setting: there is no 'binWith'; the nearest is 'binWidth'"),
        (("--jobs", "0"), "n_jobs: expected 1 or more, got 0"),
        (("--out", "none/features.csv"), "features"),
    ],
)
def test_bad_arguments_are_one_line(run, tmp_path, capsys, words, message):
    (tmp_path / "bad.yaml").write_text("setting: {binWith: 5}")
    status = run(*words)
    if message == "features":  # its folder is made
        assert (status, (tmp_path / "none" / "features.csv").is_file()) == (0, True)
        return
    assert status == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "features.csv").exists()


def test_without_pyyaml_the_message_says_what_to_install(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "p.yaml").write_text("setting: {}")
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    assert run("--settings", "p.yaml") == 2
    assert "pip install 'mrbiomarkers[radiomics]'" in capsys.readouterr().err


def test_cancelled_by_the_keyboard(run, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mrbiomarkers.cli.radiomics.bar_progress", lambda what: interrupt)
    assert run() == 130
    assert "cancelled with 2 cases left; those that are done are kept" in capsys.readouterr().err


def test_help_shows_an_example_and_the_presets(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["radiomics", "--help"])
    said = capsys.readouterr().out
    assert "mrbiomarkers radiomics cases.csv --settings rectal-t2 --out features.csv --jobs 4" in said
    assert "rectal-t2: original, wavelet, log; bin width 3; z-scores times 100" in said


def test_the_bar_of_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    show = bar_progress("Cases")
    assert [show(done, 4) for done in (0, 0, 2, 4, 4)] == [True] * 5
    lines = capsys.readouterr().err.split("\r\033[K")[1:]
    assert lines[0] == f"Cases: [{'.' * 30}] 0 of 4"
    assert lines[1].startswith(f"Cases: [{'#' * 15}{'.' * 15}] 2 of 4, ")
    assert lines[2].startswith("Cases: 4 in ")
    assert len(lines) == 3

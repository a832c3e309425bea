"""What the documentation tells users to paste into Slicer's Python console runs as it is printed."""

import inspect
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).resolve().parents[2] / "README.md"


def session_of(docstring):
    """The indented block after a double colon."""
    block = re.search(r"::\n\n((?:[ ]+.*\n|\n)+)", inspect.cleandoc(docstring) + "\n").group(1)
    return textwrap.dedent(block)


def blocks_of_the_readme():
    section = README.read_text(encoding="utf-8").partition("## In 3D Slicer")[2].partition("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)


@pytest.mark.parametrize("name", ["IVIMBoneMarrow", "IDEALFatQuant"])
def test_the_session_of_a_logic_class_runs(program, name, capsys):
    logic = getattr(program.load_module(name), f"{name}Logic")
    found = {}
    exec(session_of(logic.__doc__), found)

    said = capsys.readouterr().out
    for level in ("L1", "L2", "L3", "L4", "L5"):
        assert f"{level} mean of map" in said
        assert f"{level} fit of mean signal" in said


def test_the_sessions_of_the_readme_run(program, tmp_path):
    from mrbiomarkers.files import read_series, write_nifti_series, write_regions
    from mrbiomarkers.phantom import lumbar_diffusion

    program.load_module("IVIMBoneMarrow")
    session, batch, _ = blocks_of_the_readme()
    phantom = lumbar_diffusion(shape=(5, 48, 48))
    for case in ("S01", "S02"):
        (tmp_path / case).mkdir()
        write_regions(tmp_path / case / "readerA.seg.nrrd", phantom.regions, phantom.series.affine)
    write_nifti_series(tmp_path / "S01" / "dwi.nii.gz", phantom.series)
    assert np.array_equal(read_series(tmp_path / "S01" / "dwi.nii.gz").bvalues, phantom.series.bvalues)
    found = {}
    exec(session, found)
    exec(batch.replace("/data/", f"{tmp_path}/"), found)

    report = found["report"]
    assert report.done == ["S01"]
    assert list(report.failed) == ["S02"]  # there is no folder of that name: named, and the other is done
    assert list((tmp_path / "results" / "S01").glob("D.n*"))
    assert {row.region for row in report.rows} == {"L1", "L2", "L3", "L4", "L5"}


def test_the_worklist_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "S01.nii.gz").touch()
    (tmp_path / "cohort.csv").write_text("subject,timepoint,series\nS01,pre,S01.nii.gz\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    exec(blocks_of_the_readme()[2], {})

    assert capsys.readouterr().out.startswith("case 1 ")

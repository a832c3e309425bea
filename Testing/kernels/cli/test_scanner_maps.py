"""Scanner maps of diffusion quantities from DICOM folders as input of the commands."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.cli.dicom import split_series
from mrbiomarkers.files import Volume, write_volume
from mrbiomarkers.files.dicom_read import read_dicom_map
from mrbiomarkers.files.dicom_write.map import write_parametric_map
from mrbiomarkers.maps import ParameterMap, to_reported
from mrbiomarkers.quantities import quantity
from Testing.support.dicom.folders import scatter
from Testing.support.dicom.ge import ge_diffusion
from Testing.support.dicom.siemens import siemens_fat_fraction
from Testing.support.dicom.siemens_frames import siemens_xa_adc
from Testing.support.dicom_results import headers

DATA = Path(__file__).parents[4] / "shared" / "data" / "dicom"


def run(*words):
    return main([str(word) for word in words])


def rows(folder):
    with (folder / "measurements.csv").open(newline="") as stream:
        return {row["quantity"]: row for row in csv.DictReader(stream)}


def everything(path, shape, affine):
    write_volume(path, Volume(np.ones(shape, np.uint8), affine))
    return ["--regions", f"all={path}"]


@pytest.fixture
def sample(tmp_path):
    if not DATA.is_dir():
        pytest.skip("shared/data/dicom is not here")
    (folder,) = [path for path in DATA.iterdir() if path.name.startswith("siemens_xa30_enh_ADC")]
    found = read_dicom_map(folder, "ADC")
    tissue = (found.values > 0).astype(np.uint8)
    write_volume(tmp_path / "tissue.nii.gz", Volume(tissue, found.affine))
    return folder, found.values[found.values > 0].mean() / 1000, ["--regions", f"tissue={tmp_path / 'tissue.nii.gz'}"]


@pytest.mark.parametrize("command", [["regions", "measure"], ["fatwater", "--maps"]])
def test_an_adc_map_without_unit_is_refused_with_the_right_proposal(sample, command, tmp_path, capsys):
    folder, mean, regions = sample
    words = [*command, f"ADC={folder}", *regions]
    assert run(*words, "--out", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert "map 'ADC': expected a scale" in said
    assert "confidence moderate: the median, 734, is usual (100 to 3000) for ADC in 10^-6 mm2/s" in said
    assert not (tmp_path / "out").exists()
    (accepted,) = re.findall(r"--map-scale '(.+?)'", said)
    assert accepted == "ADC=10^-6 mm2/s"
    for n, scale in enumerate((accepted, "ADC=um2/s")):
        assert run(*words, "--map-scale", scale, "--out", tmp_path / f"out{n}") == 0
        row = rows(tmp_path / f"out{n}")["ADC"]
        assert float(row["value"]) == pytest.approx(mean, rel=1e-5)
        assert (row["unit"], row["model"]) == ("10^-3 mm2/s", "scanner")


def test_a_wrong_scale_is_refused(sample, tmp_path, capsys):
    folder, _, regions = sample
    words = ["regions", "measure", f"ADC={folder}", "--map-scale", "ADC=um2/ms", *regions]
    assert run(*words, "--out", tmp_path / "out") == 2
    assert "expected diffusion coefficients up to that of free water" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_our_own_maps_are_measured_from_dicom_by_their_codes(tmp_path, capsys):
    truth = ge_diffusion(tmp_path / "ge")
    shape, affine = truth.signal.shape[:3], truth.affine
    sources = headers(truth.folder)
    generator = np.random.default_rng(0)
    made = {}
    (tmp_path / "maps").mkdir()
    for number, (key, scale) in enumerate({"D": 5e-4, "f": 0.1, "S0": 900.0, "PDFF": 40.0}.items(), start=9001):
        values = scale * (1 + 0.1 * generator.random(shape))
        said = {"model": "ivim", "method": "nlls"}
        made[key] = ParameterMap(values, quantity(key), quantity(key).unit, affine, provenance=said)
        write_parametric_map(tmp_path / "maps" / f"{key}.dcm", made[key], sources, series_number=number)
    words = [f"{tmp_path / 'maps'}#{number}" for number in (9001, 9002, 9003)] + [f"PDFF={tmp_path / 'maps'}"]
    regions = everything(tmp_path / "all.nii.gz", shape, affine)
    assert run("regions", "measure", *words, *regions, "--out", tmp_path / "out") == 0
    found = rows(tmp_path / "out")
    for key, given in made.items():
        assert float(found[key]["value"]) == pytest.approx(to_reported(given).values.mean(), rel=1e-5)
        assert (found[key]["unit"], found[key]["fit"]) == (quantity(key).reported_unit, "nlls")
    words = ["regions", "measure", f"D={tmp_path / 'maps'}#9002", *regions, "--out", tmp_path / "out2"]
    assert run(*words) == 2
    assert "series 9002: expected a map of D, got one that its header codes as f" in capsys.readouterr().err


def test_each_map_names_its_series(tmp_path, capsys):
    adc, pdff = siemens_xa_adc(tmp_path / "a"), siemens_fat_fraction(tmp_path / "b")
    scatter(tmp_path / "heap", adc.folder, pdff.folder)
    heap = tmp_path / "heap"
    words = [f"ADC={heap}#{adc.uids[0]}", f"PDFF={heap}#{pdff.uids[0]}", "--map-scale", "ADC=um2/s", "PDFF=permille"]
    regions = everything(tmp_path / "all.nii.gz", adc.signal.shape[:3], adc.affine)
    assert run("regions", "measure", *words, *regions, "--out", tmp_path / "out") == 0
    found = rows(tmp_path / "out")
    assert float(found["ADC"]["value"]) == pytest.approx(adc.signal.mean() / 1000, rel=1e-4)
    assert json.loads((tmp_path / "out" / "run.json").read_text())["command"] == "regions measure"
    assert run("regions", "measure", heap, *regions, "--out", tmp_path / "out2") == 2
    assert "expected one series, got 2" in capsys.readouterr().err
    assert run("regions", "measure", f"{heap}#{adc.uids[0]}", *regions, "--out", tmp_path / "out2") == 2
    assert "expected a header that codes what the map is of" in capsys.readouterr().err
    assert run("regions", "measure", f"T1={heap}#{adc.uids[0]}", *regions, "--out", tmp_path / "out2") == 2
    assert "expected a map of PDFF, R2star" in capsys.readouterr().err


def test_the_series_of_a_path(tmp_path):
    folder, odd = tmp_path / "dicom", tmp_path / "run#3"
    folder.mkdir()
    odd.mkdir()
    assert split_series(f"{folder}#5") == (str(folder), 5)
    assert split_series(f"{odd}#1.2.3") == (str(odd), "1.2.3")
    assert split_series(str(odd)) == (str(odd), None)
    for word in (f"{folder}#", f"{tmp_path / 'map.nii'}#5"):
        with pytest.raises(ValueError, match="expected a DICOM folder and a series as FOLDER#NUMBER"):
            split_series(word)

"""What the writers leave is what the command line leaves; without figures they need no matplotlib."""

import json
import sys

import nibabel as nib
import numpy as np
import pytest

from mrbiomarkers.cli import main
from mrbiomarkers.files import EchoFiles, read_echo_series, read_mask, read_series, write_echo_series
from mrbiomarkers.jobs import VendorInput, run_diffusion, run_fatwater, run_vendor_maps
from mrbiomarkers.maps import Status
from mrbiomarkers.phantom import lumbar_fat_water
from mrbiomarkers.series import combine
from mrbiomarkers.settings import DiffusionSettings, FatWaterSettings, MeasureSettings
from mrbiomarkers.study import (
    diffusion_results,
    fatwater_results,
    file_name,
    map_suffix,
    write_diffusion_results,
    write_fatwater_results,
    write_status,
    write_vendor_results,
)
from Testing.support.simulate import B_ALL, ivim_signal

SHAPE, AFFINE = (6, 7, 3), np.diag([2.0, 2.0, 4.0, 1.0])
IDENTITY = MeasureSettings(subject="S1")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def make(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    return folder


@pytest.fixture
def no_matplotlib(monkeypatch):
    """An installation without matplotlib, as in 3D Slicer."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.fixture
def regions(tmp_path):
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:4, 2:6, 1] = 1
    nib.save(nib.Nifti1Image(mask, AFFINE), tmp_path / "L3.nii.gz")
    return {"L3": read_mask(tmp_path / "L3.nii.gz").values > 0}


def diffusion(tmp_path, regions, **options):
    slow = np.linspace(0.3e-3, 0.9e-3, np.prod(SHAPE)).reshape(*SHAPE, 1)
    signal = ivim_signal(B_ALL, 500.0, 0.25, slow, 0.03)
    nib.save(nib.Nifti1Image(signal.reshape(*SHAPE, -1).astype(np.float32), AFFINE), tmp_path / "dwi.nii.gz")
    (tmp_path / "dwi.bval").write_text(" ".join(f"{b:g}" for b in B_ALL))
    series = combine(read_series(tmp_path / "dwi.nii.gz"))
    settings = DiffusionSettings(models=("ivim", "adc"), selection=True)
    result = run_diffusion(series, regions, settings=settings, identity=IDENTITY)
    out = make(tmp_path, "direct")
    write_diffusion_results(out, series, regions, result, settings, **options)
    return out, [tmp_path / "dwi.nii.gz", "--models", "ivim", "adc", "--selection"]


def fatwater(tmp_path, regions, **options):
    phantom = lumbar_fat_water(shape=(3, 20, 24), seed=3)
    path, phase = tmp_path / "magnitude.nii.gz", tmp_path / "phase.nii.gz"
    write_echo_series(path, phantom.series, phase_path=phase)
    read = read_echo_series(EchoFiles(magnitude=path, phase=phase))
    mask = np.zeros((3, 20, 24), np.uint8)
    mask[1, 8:12, 10:14] = 1
    nib.save(nib.Nifti1Image(mask.transpose(2, 1, 0), read.series.affine), tmp_path / "L3.nii.gz")
    settings = FatWaterSettings()
    result = run_fatwater(read.series, {"L3": mask > 0}, settings=settings, identity=IDENTITY, mask=read.mask)
    out = make(tmp_path, "direct")
    options = {"notes": read.notes, **options}
    write_fatwater_results(out, read.series, {"L3": mask > 0}, result, settings, **options)
    return out, [path, "--phase", phase]


def vendor(tmp_path, regions, **options):
    values = np.linspace(10, 90, np.prod(SHAPE)).reshape(SHAPE[::-1]).astype(np.float32)
    nib.save(nib.Nifti1Image(values.transpose(2, 1, 0), AFFINE), tmp_path / "pdff.nii.gz")
    maps = {"PDFF": VendorInput(values, AFFINE, scale="%")}
    result = run_vendor_maps(maps, regions, identity=IDENTITY)
    out = make(tmp_path, "direct")
    write_vendor_results(out, regions, result, **options)
    return out, ["--maps", f"PDFF={tmp_path / 'pdff.nii.gz'}", "--map-scale", "PDFF=%"]


KINDS = {"diffusion": diffusion, "fatwater": fatwater, "vendor": vendor}


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_is_the_one_of_the_command(tmp_path, regions, monkeypatch, kind):
    for module in (diffusion_results, fatwater_results):  # to draw takes seconds; the command's own tests do
        monkeypatch.setattr(module, "save_figure", lambda figure, path: path.write_text(str(figure)))
    direct, words = KINDS[kind](tmp_path, regions)
    command = "diffusion" if kind == "diffusion" else "fatwater"
    end = ["--regions", f"L3={tmp_path / 'L3.nii.gz'}", "--subject", "S1", "--out", tmp_path / "command"]
    assert main([command, *map(str, [*words, *end])]) == 0
    found, expected = contents(direct), contents(tmp_path / "command")
    assert set(found) == set(expected)
    assert {"measurements.csv", "run.json", "maps_L3.png"} <= set(found)
    assert [name for name in found if found[name] != expected[name]] == []


@pytest.mark.parametrize("kind", KINDS)
def test_without_figures_no_matplotlib_is_needed(tmp_path, regions, no_matplotlib, kind):
    direct, _ = KINDS[kind](tmp_path, regions, figures=False, suffix=".nrrd")
    found = contents(direct)
    assert len(found["measurements.csv"].splitlines()) > 1
    assert json.loads(found["run.json"])["software"].startswith("MRBiomarkers")
    assert {name.rpartition(".")[2] for name in found} == {"nrrd", "json", "csv"}


@pytest.mark.parametrize("kind", KINDS)
def test_with_figures_a_missing_matplotlib_is_an_error_after_everything_else(tmp_path, regions, no_matplotlib, kind):
    with pytest.raises(ImportError, match="matplotlib"):
        KINDS[kind](tmp_path, regions)
    assert {"measurements.csv", "run.json"} <= set(contents(tmp_path / "direct"))


def test_the_status_says_what_its_flags_mean(tmp_path):
    status = np.full((2, 3, 4), Status.ON_BOUND, np.uint16)
    write_status(tmp_path / "status_ivim", status, AFFINE, ".nii.gz", model="ivim")
    said = json.loads((tmp_path / "status_ivim.json").read_text(encoding="utf-8"))
    assert said["model"] == "ivim"
    assert "bound" in said["flags, which add up"][str(int(Status.ON_BOUND))]
    assert (np.asarray(nib.load(tmp_path / "status_ivim.nii.gz").dataobj) == int(Status.ON_BOUND)).all()


@pytest.mark.parametrize(
    ("path", "suffix"),
    [("a.nii.gz", ".nii.gz"), ("a.seq.nrrd", ".nrrd"), ("a.NRRD", ".nrrd"), ("a.nhdr", ".nrrd"), ("dicom", ".nii.gz")],
)
def test_maps_have_the_format_of_the_series(path, suffix):
    assert map_suffix(path) == suffix


def test_a_region_names_its_files():
    assert [file_name(name) for name in ("L3", "L3/L4: edge", "..", "Läsion 1")] == [
        "L3",
        "L3_L4_edge",
        "region",
        "Läsion_1",
    ]

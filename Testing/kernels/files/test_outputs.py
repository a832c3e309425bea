import json
from pathlib import Path

import numpy as np
import pytest

from mrbiomarkers.files import (
    check_output,
    images,
    prepare_output,
    read_volume,
    write_json,
    write_map_with_sidecar,
    write_text,
)
from mrbiomarkers.maps import ParameterMap, Status
from mrbiomarkers.quantities import quantity
from Testing.support.volumes import SHAPE, oblique_affine, one_line


def test_a_new_folder_is_made_with_its_parents(tmp_path):
    folder = prepare_output(tmp_path / "a" / "b", overwrite=False)
    assert folder.is_dir()
    assert prepare_output(folder, overwrite=False) == folder  # an empty one is accepted
    assert list(folder.iterdir()) == []


def test_a_folder_that_holds_something_needs_overwrite(tmp_path):
    foreign = tmp_path / "out" / "notes.txt"
    foreign.parent.mkdir()
    foreign.write_text("mine")
    with pytest.raises(FileExistsError, match="--overwrite") as caught:
        prepare_output(foreign.parent, overwrite=False)
    one_line(caught.value, foreign.parent)

    prepare_output(foreign.parent, overwrite=True)
    assert foreign.read_text() == "mine"
    assert list(foreign.parent.iterdir()) == [foreign]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_no_folder(tmp_path, overwrite):
    path = tmp_path / "out"
    path.write_text("x")
    with pytest.raises(FileExistsError, match="expected a folder for the results, got a file") as caught:
        prepare_output(path, overwrite=overwrite)
    one_line(caught.value, path)
    with pytest.raises(NotADirectoryError, match=r"cannot be made, for .*out is a file") as caught:
        prepare_output(path / "below", overwrite=overwrite)
    one_line(caught.value, path / "below")


def test_the_check_alone_makes_nothing(tmp_path, monkeypatch):
    check_output(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    # By hand: the superuser, under whom tests may run, is refused nothing.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(PermissionError, match=r"cannot write results there .* is not writable") as caught:
        check_output(tmp_path / "a" / "b")
    one_line(caught.value, tmp_path / "a" / "b")


@pytest.mark.parametrize("exists", [False, True])
def test_no_permission_is_named(tmp_path, monkeypatch, exists):
    # By hand: the superuser, under whom tests may run, is refused nothing.
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    folder = tmp_path / "out"
    if exists:
        folder.mkdir()
        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    else:
        monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionError, match=r"cannot write results there \(Permission denied\)") as caught:
        prepare_output(folder, overwrite=False)
    one_line(caught.value, folder)


def test_text_is_written_as_given(tmp_path):
    write_text(tmp_path / "a.csv", "D [10⁻³ mm²/s]\r\n1\n")
    assert (tmp_path / "a.csv").read_bytes() == "D [10⁻³ mm²/s]\r\n1\n".encode()
    assert len(list(tmp_path.iterdir())) == 1


def test_json_keeps_the_order_and_refuses_the_unknown(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"b": np.float32(1.5), "a": (np.nan, np.arange(2)), "s": Status.FITTED})
    assert list(json.loads(path.read_text("utf-8")).items()) == [("b", 1.5), ("a", [None, [0, 1]]), ("s", "FITTED")]

    before = path.read_bytes()
    with pytest.raises(TypeError, match="got object"):
        write_json(path, {"a": object()})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def example_map(**provenance):
    values = np.full(SHAPE, 1e-3)
    status = np.zeros(SHAPE, np.uint16)
    values[0, 0, :3] = np.nan
    status[0, 0, :2] = Status.OUTSIDE_MASK
    status[0, 0, 2] = Status.NO_SIGNAL
    status[1, 0, :4] = Status.ON_BOUND
    status[1, 0, 0] |= Status.NOT_CONVERGED
    status[1, 1, :2] = Status.NOT_IDENTIFIABLE
    return ParameterMap(values, quantity("Dstar"), "mm2/s", oblique_affine(), status, provenance)


@pytest.mark.parametrize("name", ["Dstar.nii.gz", "Dstar.nii", "Dstar.nrrd"])
def test_map_with_sidecar(tmp_path, name):
    write_map_with_sidecar(tmp_path / name, example_map(model="ivim", bvalues=np.array([0.0, 50.0])))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["Dstar.json", name]
    assert read_volume(tmp_path / name).values[2, 2, 2] == 1.0
    sidecar = json.loads((tmp_path / "Dstar.json").read_text("utf-8"))
    voxels = sidecar.pop("voxels")
    assert sidecar == {
        "file": name,
        "quantity": "Dstar",
        "symbol": "D*",
        "name": "Pseudo-diffusion coefficient",
        "unit": "10^-3 mm2/s",
        "code": ["DCM", "113292", "Fast Diffusion Coefficient"],
        "provenance": {"model": "ivim", "bvalues": [0.0, 50.0]},
    }
    assert (voxels.pop("total"), voxels.pop("fitted")) == (60, 57)
    assert list(voxels) == [flag.name.lower() for flag in Status if flag]
    counted = {name: count for name, count in voxels.items() if count}
    assert counted == {"outside_mask": 2, "no_signal": 1, "not_converged": 1, "on_bound": 4, "not_identifiable": 2}


def test_nothing_is_left_when_a_map_cannot_be_written(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match="got object"):
        write_map_with_sidecar(tmp_path / "f.nii", example_map(odd=object()))
    assert list(tmp_path.iterdir()) == []

    def interrupted(temporary, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(images, "write_nifti_map", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_map_with_sidecar(tmp_path / "f.nii", example_map())
    assert list(tmp_path.iterdir()) == []

"""Files, typeset units, and that drawing leaves the process as it was."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib

import matplotlib
import numpy as np
import pytest

from mrbiomarkers.report import decay_figure, map_panel, save_figure, typeset


@pytest.fixture
def figure():
    b = np.array([0.0, 100.0, 800.0])
    return decay_figure("L3", b, np.array([100.0, 90.0, 60.0]), np.ones(3), {"flat": lambda b: 80.0 + 0 * b})


@pytest.mark.parametrize(
    ("plain", "printed"),
    [
        ("10^-3 mm2/s", "10⁻³ mm²/s"),
        ("s/mm2", "s/mm²"),
        ("ADC 0.62 x10^-3 mm2/s", "ADC 0.62 × 10⁻³ mm²/s"),
        ("volume [mm3], length [mm], 1/s", "volume [mm³], length [mm], 1/s"),
        ("S0 [a.u.] and S01", "S₀ [a.u.] and S01"),
        ("D* of L2, R2*", "D* of L2, R2*"),
    ],
)
def test_units_are_typeset(plain, printed):
    assert typeset(plain) == printed


def test_file_is_a_whole_png_of_the_asked_for_size(figure, tmp_path):
    path = tmp_path / "decay.png"
    save_figure(figure, path, dpi=100)
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == tuple(int(side * 100) for side in figure.get_size_inches())
    at, kinds = 8, []
    while at < len(data):  # every chunk is whole and its checksum right
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        at += 12 + length
    assert kinds[-1] == b"IEND"
    assert [entry.name for entry in tmp_path.iterdir()] == ["decay.png"]


def test_an_existing_file_is_replaced(figure, tmp_path):
    path = tmp_path / "decay.png"
    path.write_text("old")
    save_figure(figure, str(path))
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(figure, tmp_path, monkeypatch):
    path = tmp_path / "decay.png"
    path.write_text("old")

    def fail(name, **_):
        name.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        save_figure(figure, path)
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "dpi", "message"),
    [("decay.pdf", 150, "path: expected a name that ends in .png"), ("a.png", 0, "dpi: expected")],
)
def test_bad_arguments_are_named(figure, tmp_path, name, dpi, message):
    with pytest.raises(ValueError, match=message):
        save_figure(figure, tmp_path / name, dpi=dpi)


def test_drawing_changes_no_setting_and_ignores_the_users(tmp_path):
    with matplotlib.rc_context({"font.size": 31.0, "axes.facecolor": "red", "image.origin": "lower"}):
        before = dict(matplotlib.rcParams)
        drawn = map_panel(np.ones((2, 9, 9)), [], {}, np.eye(4), 0)
        save_figure(drawn, tmp_path / "loud.png", dpi=50)
        assert dict(matplotlib.rcParams) == before
    drawn = map_panel(np.ones((2, 9, 9)), [], {}, np.eye(4), 0)
    save_figure(drawn, tmp_path / "quiet.png", dpi=50)
    assert (tmp_path / "loud.png").read_bytes() == (tmp_path / "quiet.png").read_bytes()


def test_importing_the_room_does_not_import_matplotlib_and_drawing_not_pyplot():
    code = (
        "import sys; import mrbiomarkers.report as report; assert 'matplotlib' not in sys.modules\n"
        "import numpy as np; report.map_panel(np.ones((2, 9, 9)), [], {}, np.eye(4), 0)\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

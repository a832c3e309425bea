"""Random bytes changed in valid headers: an error, the truth, or a note; never a crash or a silent other answer."""

import random

import pytest

from mrbiomarkers.files.dicom_read import read_dicom_diffusion
from Testing.support.dicom import canon, ge, philips, siemens, siemens_frames

WRITERS = [
    ge.ge_diffusion,
    siemens.siemens_csa,
    philips.philips_diffusion,
    siemens_frames.siemens_mosaic,
    siemens_frames.siemens_xa,
    canon.canon_untagged,
]
EACH = 34


def volumes(found):
    series = found.series
    return sorted((float(b), series.signal[..., number].tobytes()) for number, b in enumerate(series.bvalues))


def damaged(data, rng):
    header = data.rfind(b"\xe0\x7f\x10\x00")
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        changed[rng.randrange(128, header)] = rng.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_damaged_headers(write, tmp_path):
    write(tmp_path)
    truth = read_dicom_diffusion(tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    rng = random.Random(11)
    outcomes = set()
    for _ in range(EACH):
        path = rng.choice(files)
        data = path.read_bytes()
        path.write_bytes(damaged(data, rng))
        try:
            found = read_dicom_diffusion(tmp_path)
        except ValueError:
            outcomes.add("refused")
        else:
            same = volumes(found) == volumes(truth)
            outcomes.add("same" if same else "noted")
            assert same or set(found.notes) - set(truth.notes)
        finally:
            path.write_bytes(data)

    assert {"refused", "same"} <= outcomes

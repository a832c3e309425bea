"""Where each manufacturer writes the b-value, and what is odd about it."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, Sequence

from mrbiomarkers.files.dicom_read.bvalues import bvalue_of
from mrbiomarkers.files.dicom_read.groups import FrameHeader
from mrbiomarkers.files.dicom_read.headers import Instance


def header(vendor="", *elements, csa=None, groups=(), **fields):
    ds = Dataset()
    ds.Manufacturer = vendor
    for tag, vr, value in elements:
        ds.add_new(tag, vr, value)
    for keyword, value in fields.items():
        setattr(ds, keyword, value)
    return FrameHeader(Instance(Path("x.dcm"), ds, csa or {}), tuple(groups))


GE, SIEMENS, PHILIPS, UIH = "GE MEDICAL SYSTEMS", "SIEMENS", "Philips Medical Systems", "UIH"
CASES = {
    "standard": (header("ACME", DiffusionBValue=750.0), 750, "(0018,9087)"),
    "GE with the offset": (header(GE, (0x00431039, "IS", [1000000750, 8, 0, 0])), 750, "GE (0043,1039)"),
    "GE with the offset, b 0": (header(GE, (0x00431039, "IS", [1000000000, 8, 0, 0])), 0, "GE (0043,1039)"),
    "GE without": (header(GE, (0x00431039, "IS", [1000, 1073741832, 0, 0])), 1000, "GE (0043,1039)"),
    "GE as bytes": (header(GE, (0x00431039, "UN", b"1000000050\\8\\0\\0 ")), 50, "GE (0043,1039)"),
    "GE public first": (
        header(GE, (0x00431039, "IS", [1000000800, 8, 0, 0]), DiffusionBValue=800.0),
        800,
        "(0018,9087)",
    ),
    "Siemens": (header(SIEMENS, (0x0019100C, "IS", "50")), 50, "Siemens (0019,100C)"),
    "Siemens in another block": (
        header(SIEMENS, (0x00190011, "LO", "SIEMENS MR HEADER"), (0x0019110C, "IS", "50")),
        50,
        "Siemens (0019,100C)",
    ),
    "Siemens CSA": (header(SIEMENS, csa={"B_value": ("400",)}), 400, "Siemens CSA B_value"),
    "Siemens trace name": (header(SIEMENS, SequenceName="*ep_b800t"), 800, "sequence name"),
    "Siemens direction name": (header(SIEMENS, SequenceName="ep_b1000#12"), 1000, "sequence name"),
    "Siemens b 0 name": (header(SIEMENS, SequenceName="*ep_b0"), 0, "sequence name"),
    "Siemens ADC name": (header(SIEMENS, SequenceName="*ep_b50_800"), None, ""),
    "other sequence": (header(SIEMENS, SequenceName="*fm2d2r"), None, ""),
    "Philips": (header(PHILIPS, (0x20011003, "FL", 273.0)), 273, "Philips (2001,1003)"),
    "Philips as bytes": (header(PHILIPS, (0x20011003, "UN", np.float32(40).tobytes())), 40, "Philips (2001,1003)"),
    "UIH actual": (header(UIH, (0x00651009, "FD", 929.75), (0x0065100A, "FD", 1000.0)), 929.75, "UIH (0065,1009)"),
    "UIH as bytes": (header(UIH, (0x00651009, "UN", np.float64(1.25).tobytes())), 1.25, "UIH (0065,1009)"),
    "Canon comment": (header("TOSHIBA_MEC", ImageComments="b=1500(0.445,0.1,0.8)"), 1500, "Image Comments (0020,4000)"),
    "Canon b 0": (header("CANON_MEC"), None, ""),
    "private element of another manufacturer": (header("ACME", (0x0019100C, "IS", "50")), None, ""),
    "its creator is there": (
        header("", (0x00190010, "LO", "SIEMENS MR HEADER"), (0x0019100C, "IS", "50")),
        50,
        "Siemens (0019,100C)",
    ),
    "another creator": (header(SIEMENS, (0x00190010, "LO", "ACME"), (0x0019100C, "IS", "50")), None, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_every_flavour(name):
    given, value, source = CASES[name]

    found = bvalue_of(given)

    assert (found.value, found.source, found.doubt) == (value, source, "")


def diffusion_group(**fields):
    group, item = Dataset(), Dataset()
    for keyword, value in fields.items():
        setattr(item, keyword, value)
    group.MRDiffusionSequence = Sequence([item])
    return group


def test_functional_groups_go_first():
    direction = Dataset()
    direction.DiffusionGradientOrientation = [0.0, 0.6, 0.8]
    own = diffusion_group(DiffusionBValue=500.0, DiffusionDirectionality="DIRECTIONAL")
    own.MRDiffusionSequence[0].DiffusionGradientDirectionSequence = Sequence([direction])
    shared = diffusion_group(DiffusionBValue=1.0, DiffusionDirectionality="NONE")

    found = bvalue_of(header("", groups=(own, shared), DiffusionBValue=2.0))

    assert (found.value, found.directionality) == (500, "directional")
    assert found.direction == pytest.approx((0, 0.6, 0.8))


def test_no_direction_and_no_b_is_b_0():
    found = bvalue_of(header("", groups=(diffusion_group(DiffusionDirectionality="NONE"),)))

    assert (found.value, found.source) == (0, "(0018,9075) NONE")


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), 7.23e75, 30000.0])
def test_an_impossible_b_is_not_missing(value):
    found = bvalue_of(header("", DiffusionBValue=value))

    assert found.value is None
    assert "(0018,9087) cannot be read" in found.doubt


def test_bytes_that_are_no_number_are_not_missing():
    found = bvalue_of(header(PHILIPS, (0x20011003, "UN", b"abc")))

    assert found.value is None
    assert "cannot be read" in found.doubt


def test_elements_that_disagree_are_named():
    found = bvalue_of(header(PHILIPS, (0x20011003, "FL", 300.0), DiffusionBValue=800.0))

    assert found.value == 800
    assert "Philips (2001,1003) says b 300, (0018,9087) says 800" in found.doubt


def test_the_name_counts_where_siemens_writes_0_for_a_low_b():
    found = bvalue_of(header(SIEMENS, (0x0019100C, "IS", "0"), SequenceName="*ep_b50t"))

    assert (found.value, found.source) == (50, "sequence name")
    assert "Siemens (0019,100C) says b 0" in found.doubt


def test_directions_have_length_1_and_b_0_has_none():
    given = header(SIEMENS, (0x0019100C, "IS", "50"), (0x0019100E, "FD", [0.0, 0.0, 1.02]))
    zero = header(SIEMENS, (0x0019100C, "IS", "0"), (0x0019100E, "FD", [0.0, 0.0, 1.0]))
    trace = header(PHILIPS, DiffusionBValue=50.0, DiffusionGradientOrientation=[0.0, 0.0, 0.0])

    assert bvalue_of(given).direction == (0, 0, 1)
    assert bvalue_of(zero).direction is None
    assert bvalue_of(trace).direction is None


AXIAL = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
SAGITTAL = ([0.0, 1.0, 0.0], [0.0, 0.0, -1.0])
CORONAL = ([1.0, 0.0, 0.0], [0.0, 0.0, -1.0])
X, Y, Z = 0.492355, 0.844098, -0.212332  # of the first weighted image of dcm_qa_ge, series 1
# What dcm2niix makes of it: along the rows, against the columns, along their normal (issue 970 for the last one).
BVECS = {
    "axial": (AXIAL, "COL", (-X, Y, Z)),
    "axial, phase along the rows": (AXIAL, "ROW", (-Y, -X, Z)),
    "sagittal": (SAGITTAL, "COL", (X, -Y, -Z)),
    "sagittal, phase along the rows": (SAGITTAL, "ROW", (Y, X, -Z)),
    "coronal": (CORONAL, "COL", (-X, -Y, Z)),
    "coronal, phase along the rows": (CORONAL, "ROW", (Y, -X, Z)),
}


def ge_header(plane, phase, vector, b="1000"):
    elements = [(0x001910BB + n, "DS", f"{value:.6f}") for n, value in enumerate(vector)]
    (row, column) = plane
    fields = {"ImageOrientationPatient": [*row, *column], "InPlanePhaseEncodingDirection": phase}
    return header(GE, (0x00431039, "IS", [b, 8, 0, 0]), *elements, **fields)


@pytest.mark.parametrize("name", BVECS)
def test_directions_of_ge_are_those_of_dcm2niix(name):
    (row, column), phase, bvec = BVECS[name]
    expected = np.array([row, np.negative(column), np.cross(row, column)]).T @ bvec

    found = bvalue_of(ge_header((row, column), phase, (X, Y, Z)))

    sign = np.sign(np.dot(found.direction, expected))  # a gradient and its opposite are one
    np.testing.assert_allclose(np.multiply(sign, found.direction), expected, atol=1e-5)
    assert found.doubt == ""


def test_a_short_direction_of_ge_is_one_and_puts_the_b_in_doubt():
    found = bvalue_of(ge_header(AXIAL, "COL", (0.0, 0.3, 0.4), b="2000"))

    assert found.value == 2000
    np.testing.assert_allclose(found.direction, (0, 0.6, -0.8))
    assert "has the length 0.50: b 2000 may be that of a full one, and the image one at b 500" in found.doubt
    assert bvalue_of(ge_header(AXIAL, "COL", (0.0, 0.0, 0.0))).direction is None
    assert bvalue_of(ge_header(AXIAL, "COL", (0.0, 0.0, 0.0))).doubt == ""


def test_directions_of_uih_stand_in_the_frame_of_the_image_and_the_public_ones_are_not_turned():
    # The second image of the sample of UIH, turned by 25 degrees in its plane.
    row, column = (0.906671703, -0.4210186, 0.026263684), (0.420842081, 0.90705198, 0.0121905897)
    own = (0.603651236341314, 0.0325546968722472, -0.7965835676322014)
    given = header(
        UIH,
        (0x00651009, "FD", 929.75),
        (0x00651037, "FD", list(own)),
        ImageOrientationPatient=[*row, *column],
        DiffusionGradientOrientation=[0.0, 0.0, 1.0],
    )

    found = np.array(bvalue_of(given).direction)

    angles = [found @ axis for axis in (row, column, np.cross(row, column))]
    np.testing.assert_allclose(angles, own, atol=1e-5)
    assert abs(found @ own) < 0.98

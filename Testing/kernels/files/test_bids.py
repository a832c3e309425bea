"""Names of derivatives against those of the standard and of its proposals, and what the side file says."""

import numpy as np
import pytest

from mrbiomarkers.files.bids import bids_name, bids_sidecar
from mrbiomarkers.files.jsontext import json_text
from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import QUANTITIES, quantity


@pytest.mark.parametrize(
    ("key", "options", "expected"),
    [
        ("R2star", {"session": "pre", "acquisition": "lumbar"}, "sub-01_ses-pre_acq-lumbar_R2starmap.nii.gz"),
        ("T2star", {}, "sub-01_T2starmap.nii.gz"),
        ("PDFF", {"suffix": ".json"}, "sub-01_PDFFmap.json"),
        ("Dstar", {"model": "ivim"}, "sub-01_model-ivim_param-Dstar_dwimap.nii.gz"),
        ("sd_D", {"model": "ivim"}, "sub-01_model-ivim_param-sdD_dwimap.nii.gz"),
        ("rADC", {"model": "adc"}, "sub-01_model-adc_param-rADC_dwimap.nii.gz"),
        ("field_map", {}, "sub-01_desc-fieldmap_map.nii.gz"),
    ],
)
def test_the_names_are_those_of_the_standard_and_its_proposals(key, options, expected):
    assert bids_name(key, "01", **options) == expected


def test_no_two_quantities_share_a_name():
    names = [bids_name(key, "01", model="ivim") for key in QUANTITIES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("key", "subject", "options", "message"),
    [
        ("D", "01", {}, "model: expected the diffusion model that D belongs to, got none"),
        ("PDFF", "sub-01", {}, "subject: expected letters and digits only.*'sub-01'"),
        ("PDFF", "", {}, "subject: expected"),
        ("PDFF", "01", {"session": "pre op"}, "session: expected.*'pre op'"),
        ("speed", "01", {}, "quantity: expected one of .*'speed'"),
    ],
)
def test_what_has_no_name_is_refused(key, subject, options, message):
    with pytest.raises(ValueError, match=message):
        bids_name(key, subject, **options)


def test_the_side_file_says_what_is_known():
    said = {"model": "ivim", "method": "segmented", "bvalues": [0, 50, 800], "software": "MRBiomarkers 1"}
    d = ParameterMap(np.full((1, 1, 2), 1e-3), quantity("D"), "mm2/s", np.eye(4), provenance=said)
    found = bids_sidecar(d, ["bids::sub-01/dwi/sub-01_dwi.nii.gz"])
    assert found == {
        "Description": "Diffusion coefficient",
        "Units": "10^-3 mm2/s",
        "Model": "ivim",
        "FitMethod": "segmented",
        "BValues": [0.0, 50.0, 800.0],
        "SoftwareVersion": "MRBiomarkers 1",
        "Sources": ["bids::sub-01/dwi/sub-01_dwi.nii.gz"],
    }
    assert json_text(found)
    bare = ParameterMap(np.ones((1, 1, 2)), quantity("R2star"), "1/s", np.eye(4), provenance={"echo_times_s": [0.001]})
    expected = {"Description": bare.quantity.name, "Units": "1/s", "EchoTimes": [0.001]}
    assert bids_sidecar(bare) == expected

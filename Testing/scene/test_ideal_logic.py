"""The logic of IDEALFatQuant: phases in other units, what was assumed, and what is told of the voxels of a fit."""

import numpy as np
import pytest

from Testing.support.scene_nodes import node_ids


@pytest.fixture(scope="module")
def spine():
    from mrbiomarkers.phantom import lumbar_fat_water

    return lumbar_fat_water(shape=(4, 32, 32), snr=1e6)


@pytest.fixture
def echoes(scene, spine):
    from mrbiomarkers.mrml import add_echo_sequences

    return add_echo_sequences(spine.series, "Echoes")


def in_degrees(sequence):
    """Turn the phases of a sequence into degrees, and take away what says that they are radians."""
    import slicer

    for number in range(sequence.GetNumberOfDataNodes()):
        volume = sequence.GetNthDataNode(number)
        slicer.util.updateVolumeFromArray(volume, np.rad2deg(slicer.util.arrayFromVolume(volume)))
    sequence.RemoveAttribute("MRBiomarkers.Unit")


def test_phases_in_degrees_give_the_same_maps_once_that_is_said(ideal, echoes):
    import slicer

    expected = slicer.util.arrayFromVolume(ideal.fit(**echoes).maps["PDFF"])
    in_degrees(echoes["phase"])
    before = node_ids()
    with pytest.raises(ValueError, match="degrees"):
        ideal.fit(**echoes)
    assert node_ids() == before
    given = {**echoes, "phaseRange": (-180.0, 180.0)}
    fitted = ideal.fit(**given)

    found = slicer.util.arrayFromVolume(fitted.maps["PDFF"])
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, atol=0.05)
    assert "phase: -180 to 180 taken as -pi to pi, as given" in fitted.warnings
    assert ideal.readSeries(given).kind == "complex"


def test_a_phase_range_without_phases_is_refused(ideal, echoes):
    with pytest.raises(ValueError, match="phase_range"):
        ideal.fit(magnitude=echoes["magnitude"], phaseRange=(-180.0, 180.0))
    with pytest.raises(ValueError, match="arguments of fit, got phases"):
        ideal.readSeries({**echoes, "phases": (0, 1)})


def test_the_share_of_voxels_that_were_not_fitted_is_told(ideal, echoes):
    import slicer

    fitted = ideal.fit(**echoes)
    values = slicer.util.arrayFromVolume(fitted.maps["PDFF"])
    (line,) = [line for line in fitted.warnings if line.endswith("not fitted: they are too dark.")]

    assert float(line.split()[0]) == pytest.approx(100 * np.isnan(values).mean(), rel=0.01)


def test_shares_count_within_the_mask_only(ideal):
    from mrbiomarkers.maps import Status
    from mrbiomarkers.panels.echoes.echo_words import voxel_lines

    status = np.zeros((1, 10, 10), np.uint16)
    status[0, :5] = Status.OUTSIDE_MASK
    status[0, 5, :5] = Status.AMBIGUOUS | Status.NOT_CONVERGED
    status[0, 6, 0] = Status.NOT_FINITE

    lines = voxel_lines(status)
    assert [line.split()[0] for line in lines] == ["2", "10", "10"]
    assert "are not fitted: their signal is not a number." in lines[0]
    assert "are fitted, but water and fat may be exchanged" in lines[2]
    assert voxel_lines(np.zeros((1, 2, 2), np.uint16)) == []


def test_a_frame_is_the_series_without_its_voxels(scene, echoes, spine):
    from mrbiomarkers.mrml.series_in import echo_frame, echo_series

    frame, series = echo_frame(**echoes), echo_series(**echoes)
    assert frame.signal.shape == (1, 1, 1, 6)
    np.testing.assert_array_equal(frame.echo_times, series.echo_times)
    for name in ("field_strength", "kind", "repetition_time", "flip_angle", "readout_axis", "precession"):
        assert getattr(frame, name) == getattr(series, name)
    with pytest.raises(ValueError, match="expected those of one of"):
        echo_frame(phase=echoes["phase"])
    with pytest.raises(ValueError, match="expected seconds"):
        echo_frame(**echoes, echo_times=np.arange(6.0))

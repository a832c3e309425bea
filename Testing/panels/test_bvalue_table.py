"""The b-value table of the panel IVIMBoneMarrow: edits, values left out, nonsense, other series, scenes."""

import json

import numpy as np
import pytest

from mrbiomarkers.mrml import add_diffusion_sequence
from mrbiomarkers.phantom import lumbar_diffusion
from mrbiomarkers.series import DiffusionSeries
from Testing.support.scene_nodes import map_nodes, node_ids

BVALUES = [0.0, 10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 1200.0]


@pytest.fixture(scope="module")
def spine():
    return lumbar_diffusion(shape=(2, 32, 32), snr=1e6)


@pytest.fixture
def panel(program, spine):
    panel = program.open_panel("IVIMBoneMarrow")
    panel._parameterNode.series = add_diffusion_sequence(spine.series, "DWI")
    return panel


def cells(panel):
    table = panel.ui.bvalueTable
    return [[table.item(row, column).text() for column in range(1, 4)] for row in range(table.rowCount)]


def column(panel, number):
    return [row[number] for row in cells(panel)]


def ticks(panel):
    import qt

    table = panel.ui.bvalueTable
    return [table.item(row, 0).checkState() == qt.Qt.Checked for row in range(table.rowCount)]


def write(panel, row, text):
    panel.ui.bvalueTable.item(row, 1).setText(text)


def tick(panel, row, on):
    import qt

    panel.ui.bvalueTable.item(row, 0).setCheckState(qt.Qt.Checked if on else qt.Qt.Unchecked)


def missing(panel):
    return panel.ui.applyButton.toolTip.partition("Missing: ")[2].partition(".</p>")[0]


def is_usable(panel):
    assert panel.ui.applyButton.enabled is not bool(missing(panel))
    return panel.ui.applyButton.enabled


def provenance(quantity):
    found = [node for node in map_nodes() if node.GetAttribute("MRBiomarkers.Quantity") == quantity]
    return json.loads(found[-1].GetAttribute("MRBiomarkers.Provenance"))


def test_the_table_shows_the_series(panel):
    assert [float(text) for text in column(panel, 0)] == BVALUES
    assert column(panel, 1) == [str(number) for number in range(1, 12)]
    assert all(ticks(panel))
    assert panel.ui.bvalueMessage.text == ""
    assert not panel.ui.bvalueReset.enabled
    assert "Nothing was changed" in panel.ui.bvalueReset.toolTip
    table = panel.ui.bvalueTable
    assert [table.horizontalHeaderItem(index).text() for index in range(4)] == ["Use", "b [s/mm²]", "Images", "Source"]
    assert is_usable(panel)


def test_images_of_one_bvalue_share_a_row(panel, spine):
    import slicer

    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Raw")
    slicer.util.updateVolumeFromArray(volume, np.ascontiguousarray(spine.series.signal[..., :6]))
    volume.SetAttribute("MultiVolume.FrameLabels", "0,500,500,0,500,1000")
    volume.SetAttribute("MultiVolume.FrameIdentifyingDICOMTagName", "b-value")
    panel._parameterNode.series = volume

    assert cells(panel) == [
        [b, i, "MultiVolume.FrameLabels"] for b, i in (("0", "1, 4"), ("500", "2-3, 5"), ("1000", "6"))
    ]
    write(panel, 1, "400")
    assert panel.series() == {"series": volume, "bvalues": [0, 400, 400, 0, 400, 1000]}


def test_an_edited_value_is_used_and_recorded(panel, spine):
    before = add_state(panel._parameterNode.series)
    write(panel, 8, "810,5")

    assert cells(panel)[8] == ["810.5", "9", "edited (was 800)"]
    assert column(panel, 2)[7] == column(panel, 2)[9] != "edited"
    assert panel.ui.bvalueReset.enabled
    expected = [*BVALUES[:8], 810.5, *BVALUES[9:]]
    assert panel.series()["bvalues"] == expected
    panel.ui.applyButton.click()
    record = provenance("D")
    assert record["bvalues"] == expected
    assert "caller, edited (was 800)" in record["bvalue_source"]
    assert len(record["bvalue_source"]) == 2
    assert "excluded_bvalues" not in record
    assert add_state(panel._parameterNode.series) == before


def add_state(series):
    return [series.GetNthIndexValue(index) for index in range(series.GetNumberOfDataNodes())]


def test_a_value_left_out_is_not_fitted_and_the_maps_say_so(panel):
    tick(panel, 10, False)
    tick(panel, 1, False)

    assert panel.series()["exclude"] == [10, 1200]
    assert "bvalues" not in panel.series()
    assert panel.ui.bvalueMessage.text == "Left out: b 10, 1200 s/mm²."
    panel.ui.applyButton.click()
    record = provenance("ADC")
    assert record["bvalues"] == [b for b in BVALUES if b not in (10, 1200)]
    assert record["excluded_bvalues"] == [10, 1200]
    tick(panel, 10, True)
    tick(panel, 1, True)
    assert panel.series() == {"series": panel._parameterNode.series}
    assert panel._parameterNode.tableSeries is None


def test_rows_at_one_bvalue_are_left_out_together(panel):
    write(panel, 1, "25.3")
    tick(panel, 2, False)
    assert ticks(panel)[:4] == [True, False, False, True]
    tick(panel, 1, True)
    assert all(ticks(panel))


@pytest.mark.parametrize("text", ["abc", "-5", "nan", "NaN", "inf", "1e9", "", "  ", "5 mm", "0x10"])
def test_nonsense_is_said_and_the_last_good_value_kept(panel, text):
    write(panel, 3, "60")
    write(panel, 3, text)

    assert not is_usable(panel)
    assert missing(panel) == "a usable b-value in each row of the table"
    lines = panel.ui.bvalueMessage.text.splitlines()
    assert lines[0].startswith("Image 4: ")
    assert lines[0].endswith("cannot be used: expected a number from 0 to 20000.")
    assert lines[1] == "The last good value is kept."
    assert list(panel._parameterNode.bvalues)[3] == 60
    assert cells(panel)[3][2] == "not usable"
    assert panel.ui.bvalueTable.item(3, 1).text() == text
    write(panel, 5, "210")  # another row is taken meanwhile
    assert list(panel._parameterNode.bvalues)[3:6] == [60, 100, 210]
    assert not is_usable(panel)
    write(panel, 3, "70")
    assert is_usable(panel)
    assert panel.ui.bvalueMessage.text == ""
    assert list(panel._parameterNode.bvalues)[3] == 70


def test_nonsense_is_gone_with_the_panel(panel, program):
    import slicer

    write(panel, 3, "60")
    write(panel, 3, "abc")
    frame = slicer.modules.ivimbonemarrow.widgetRepresentation()
    frame.exit()
    assert panel.ui.bvalueTable.rowCount == 0
    frame.enter()

    assert cells(panel)[3] == ["60", "4", "edited (was 50)"]
    assert is_usable(panel)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ([], "two different b-values that are used"),
        ([0], "two different b-values that are used"),
        ([0, 5], "4 different b-values for IVIM (2 are used)"),
        ([0, 3, 5], "4 different b-values for IVIM (3 are used)"),
        ([0, 3, 5, 8], ""),
    ],
)
def test_too_few_values_are_said(panel, kept, expected):
    for row in range(11):
        if row not in kept:
            tick(panel, row, False)

    assert missing(panel) == expected
    assert is_usable(panel) is not bool(expected)
    assert ("two different b-values or more" in panel.ui.bvalueMessage.text) is (len(kept) < 2)


def test_two_values_made_one_are_too_few(panel):
    panel._parameterNode.ivim = False
    for row in range(11):
        write(panel, row, "1.5" if row % 2 else "0")  # nearly 0 is 0

    assert missing(panel) == "two different b-values that are used"
    write(panel, 4, "500")
    assert missing(panel) == ""
    panel.ui.applyButton.click()
    assert provenance("ADC")["bvalues"] == [0, 500]


def test_reset_brings_back_the_series(panel):
    write(panel, 3, "abc")
    write(panel, 4, "90")
    tick(panel, 5, False)
    panel.ui.bvalueReset.click()

    assert [float(text) for text in column(panel, 0)] == BVALUES
    assert all(ticks(panel))
    assert is_usable(panel)
    assert panel.series() == {"series": panel._parameterNode.series}
    assert not panel.ui.bvalueReset.enabled


def test_another_series_has_its_own_values(panel, spine):
    first = panel._parameterNode.series
    write(panel, 8, "810")
    tick(panel, 1, False)
    other = add_diffusion_sequence(DiffusionSeries(spine.series.signal[..., :6], BVALUES[:6], spine.series.affine), "B")
    panel._parameterNode.series = other

    assert [float(text) for text in column(panel, 0)] == BVALUES[:6]
    assert panel.series() == {"series": other}
    panel._parameterNode.series = first
    assert column(panel, 0)[8] == "810"
    assert ticks(panel)[1] is False
    panel._parameterNode.series = None
    assert cells(panel) == []
    assert missing(panel) == "a diffusion series"


def test_edits_survive_saving_and_loading(panel, tmp_path):
    import slicer

    write(panel, 8, "810")
    tick(panel, 1, False)
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert cells(panel) == []
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    assert panel.series()["bvalues"] == [*BVALUES[:8], 810, *BVALUES[9:]]
    assert panel.series()["exclude"] == [10]
    assert cells(panel)[8][2] == "edited (was 800)"
    assert ticks(panel)[1] is False


def test_a_deleted_series_takes_its_values_along(panel, spine):
    import slicer

    write(panel, 8, "810")
    other = add_diffusion_sequence(spine.series, "Other")
    slicer.mrmlScene.RemoveNode(panel._parameterNode.series)

    assert panel._parameterNode.series is None
    assert cells(panel) == []
    panel._parameterNode.series = other
    assert column(panel, 0)[8] == "800"


def test_a_series_without_bvalues_asks_for_them(panel, spine):
    import slicer

    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Raw")
    slicer.util.updateVolumeFromArray(volume, np.ascontiguousarray(spine.series.signal[..., [0, 5, 8]]))
    panel._parameterNode.series = volume
    panel._parameterNode.ivim = False

    assert cells(panel) == [["", str(number), "to be given"] for number in (1, 2, 3)]
    assert missing(panel) == "b-values of 3 images, in the table"
    assert "The series holds no b-values (it has no attribute MultiVolume.FrameLabels)" in panel.ui.bvalueMessage.text
    for row, b in enumerate(("0", "200", "800")):
        write(panel, row, b)
    assert column(panel, 2) == ["edited"] * 3
    assert is_usable(panel)
    panel.ui.applyButton.click()
    record = provenance("ADC")
    assert (record["bvalues"], record["bvalue_source"]) == ([0, 200, 800], ["caller"])


def test_a_half_filled_table_is_kept(panel, spine, tmp_path):
    import slicer

    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "Raw")
    slicer.util.updateVolumeFromArray(volume, np.ascontiguousarray(spine.series.signal[..., :3]))
    panel._parameterNode.series = volume
    write(panel, 1, "200")
    frame = slicer.modules.ivimbonemarrow.widgetRepresentation()
    frame.exit()
    frame.enter()

    assert column(panel, 0) == ["", "200", ""]
    assert missing(panel).startswith("b-values of 2 images, in the table")


def test_a_series_that_cannot_be_read_is_said(panel, spine):
    import slicer

    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Empty")
    before = node_ids()
    panel._parameterNode.series = empty

    assert missing(panel) == "a series that can be read"
    assert "'Empty' without any image" in panel.ui.bvalueMessage.text
    assert node_ids() == before


def test_echo_times_are_no_bvalues(panel):
    import slicer

    sequence = panel.logic.createSampleData(shape=(2, 32, 32))["series"]
    sequence.SetIndexName("TE")
    sequence.SetIndexUnit("ms")
    panel._parameterNode.series = sequence

    assert "its values are echo times" in panel.ui.bvalueMessage.text
    assert not is_usable(panel)
    assert slicer.mrmlScene.IsNodePresent(sequence)

"""The input of the panel IDEALFatQuant: kinds of data, echo times, field strength, phases, and what is wrong."""

import numpy as np
import pytest

from mrbiomarkers.mrml import add_echo_sequences
from mrbiomarkers.phantom import lumbar_fat_water
from Testing.support.scene_nodes import map_nodes, node_ids

SHAPE = (4, 32, 32)
TIMES = ["1.24", "2.22", "3.2", "4.18", "5.16", "6.14"]
UNUSABLE = "echo times that can be used (see Input)"


@pytest.fixture
def panel(program):
    return program.open_panel("IDEALFatQuant")


@pytest.fixture(scope="module")
def spine():
    return lumbar_fat_water(shape=SHAPE, snr=1e6)


@pytest.fixture
def chosen(panel, spine):
    """The panel with magnitudes and phases chosen."""
    panel.take(add_echo_sequences(spine.series, "Echoes"))
    return panel


def sequence(name, images, affine, times=(), field=True):
    """A sequence of images (K, J, I, N), without a word on what they are; echo times [ms] where they are given."""
    import slicer

    from mrbiomarkers.mrml.geometry import matrix_of

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    node.SetIndexName("TE" if times else "frame")
    node.SetIndexUnit("ms" if times else "")
    for number in range(images.shape[-1]):
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.SetIJKToRASMatrix(matrix_of(affine))
        slicer.util.updateVolumeFromArray(volume, np.ascontiguousarray(images[..., number]))
        node.SetDataNodeAtValue(volume, str(times[number] if times else number))
    if field:
        node.SetAttribute("MRBiomarkers.FieldStrength", "3")
    return node


def cells(panel, column=0):
    table = panel.ui.echoTable
    return [table.item(row, column).text() for row in range(table.rowCount)]


def write(panel, row, text):
    panel.ui.echoTable.item(row, 0).setText(text)


def shown(panel):
    """The selectors that can be seen."""
    names = ("magnitude", "phase", "real", "imaginary", "phaseValues")
    widgets = {name: getattr(panel.ui, f"{name}Label") for name in names}
    return [name for name, widget in widgets.items() if not widget.isHidden()]


def missing(panel):
    return panel.missing(panel._parameterNode)


def median_fat(panel, mask):
    import slicer

    (node,) = [node for node in map_nodes() if node.GetAttribute("MRBiomarkers.Quantity") == "PDFF"]
    return float(np.nanmedian(slicer.util.arrayFromVolume(node)[mask]))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("magnitude and phase", ["magnitude", "phase", "phaseValues"]),
        ("real and imaginary", ["real", "imaginary"]),
        ("magnitudes only", ["magnitude"]),
    ],
)
def test_the_selectors_follow_the_kind_of_data(panel, kind, expected):
    panel.ui.dataComboBox.currentText = kind
    assert shown(panel) == expected


def test_the_selectors_offer_series_and_nothing_else(panel):
    import slicer

    for kind in ("Sequence", "VectorVolume", "ScalarVolume", "LabelMapVolume", "Segmentation"):
        slicer.mrmlScene.AddNewNodeByClass(f"vtkMRML{kind}Node", kind)

    for part in ("magnitude", "phase", "real", "imaginary"):
        selector = getattr(panel.ui, f"{part}Selector")
        assert [node.GetName() for node in selector.nodes()] == ["Sequence", "VectorVolume"]
        assert selector.currentNode() is None
    names = [node.GetName() for node in panel.ui.maskSelector.nodes()]
    assert names == ["LabelMapVolume", "Segmentation"] or names == ["Segmentation", "LabelMapVolume"]


def test_real_and_imaginary_parts_are_fitted(panel, spine):
    signal, affine = spine.series.signal, spine.series.affine
    times = [float(f"{1000 * time:.6g}") for time in spine.series.echo_times]
    parts = {"real": signal.real, "imaginary": signal.imag}
    nodes = {name: sequence(name, values, affine, times) for name, values in parts.items()}
    panel.take(nodes)
    assert panel.ui.dataComboBox.currentText == "real and imaginary"
    assert panel.series() == nodes
    assert panel.image() is nodes["real"]
    panel.ui.applyButton.click()

    for name, mask in spine.regions.items():
        assert median_fat(panel, mask) == pytest.approx(spine.region_truth[name]["PDFF"], abs=0.5)


def test_magnitudes_alone_are_taken_as_such(chosen, spine):
    chosen.take({"magnitude": chosen._parameterNode.magnitude})
    assert (chosen._parameterNode.phase, chosen._parameterNode.data) == (None, "magnitudes only")
    assert list(chosen.series()) == ["magnitude"]
    assert chosen.ui.applyButton.enabled
    assert chosen.ui.phaseWords.isHidden()


def test_phases_that_are_deleted_are_not_replaced_by_the_magnitudes(chosen):
    """The selector of the phases would take the sequence of magnitudes, which is a sequence, too."""
    import slicer

    slicer.mrmlScene.RemoveNode(chosen._parameterNode.phase)

    assert chosen._parameterNode.phase is chosen.ui.phaseSelector.currentNode() is None
    assert chosen._parameterNode.magnitude is not None
    assert not chosen.ui.applyButton.enabled


def test_the_table_shows_the_echo_times_of_the_series(chosen):
    assert cells(chosen) == TIMES
    assert cells(chosen, 1) == ["1", "2", "3", "4", "5", "6"]
    assert set(cells(chosen, 2)) == {"index value of the sequence"}
    assert "echoTimes" not in chosen.series()
    assert not chosen.ui.resetButton.enabled
    assert "Nothing was changed" in chosen.ui.resetButton.toolTip


def test_an_edited_echo_time_is_used_and_reset(chosen):
    write(chosen, 5, "6,2")

    assert cells(chosen)[5] == "6.2"
    assert cells(chosen, 2)[5] == "edited (was 6.14)"
    assert chosen.series()["echoTimes"] == [float(text) / 1000 for text in [*TIMES[:5], "6.2"]]
    assert chosen.ui.applyButton.enabled
    assert chosen.ui.resetButton.enabled
    chosen.ui.applyButton.click()
    assert "8 maps" in chosen.ui.messageLabel.text
    chosen.ui.resetButton.click()
    assert cells(chosen) == TIMES
    assert "echoTimes" not in chosen.series()
    assert not chosen.ui.resetButton.enabled


@pytest.mark.parametrize("text", ["abc", "", "-1", "nan", "1e9", "inf", "0"])
def test_nonsense_is_said_and_keeps_the_last_good_value(chosen, text):
    write(chosen, 1, "2.3")
    good = chosen.series()
    write(chosen, 1, text)

    assert cells(chosen)[1] == text
    assert "Image 2:" in chosen.ui.inputMessage.text
    assert "the last good value is kept" in chosen.ui.inputMessage.text
    assert not chosen.ui.applyButton.enabled
    assert UNUSABLE in chosen.ui.applyButton.toolTip
    assert chosen.series() == good
    write(chosen, 1, "2.22")
    assert chosen.ui.applyButton.enabled
    assert chosen.ui.inputMessage.text == ""
    assert chosen.ui.inputMessage.isHidden()


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (["2.22"], "Two images have the echo time 2.22 ms."),
        ([str(float(text) / 1000) for text in TIMES], "were seconds typed?"),
    ],
)
def test_times_that_do_not_go_together_are_said(chosen, times, words):
    for row, text in enumerate(times):
        write(chosen, row, text)

    assert words in chosen.ui.inputMessage.text
    assert missing(chosen) == [UNUSABLE]
    assert not chosen.ui.applyButton.enabled
    chosen.ui.resetButton.click()
    assert chosen.ui.applyButton.enabled


def test_edits_belong_to_their_series_and_come_back_with_it(chosen, spine):
    first = {part: getattr(chosen._parameterNode, part) for part in ("magnitude", "phase")}
    second = add_echo_sequences(spine.series, "Second")
    write(chosen, 0, "1.3")
    chosen.ui.fieldStrengthSpinBox.value = 1.5
    chosen.ui.phaseValuesComboBox.currentText = "radians"
    chosen.take(second)

    assert cells(chosen) == TIMES
    assert chosen.series() == second
    assert chosen.ui.fieldStrengthSpinBox.value == 0
    write(chosen, 0, "1.2")
    chosen.take(first)
    assert cells(chosen)[0] == "1.3"
    assert chosen.series()["fieldStrength"] == 1.5
    assert chosen.series()["phaseRange"] == (-np.pi, np.pi)
    chosen.take(second)
    assert cells(chosen)[0] == "1.2"
    assert chosen._parameterNode.phaseValues == "as their range tells"


def test_edits_of_a_series_that_is_deleted_go_with_it(chosen, spine):
    import slicer

    write(chosen, 0, "1.3")
    chosen.ui.fieldStrengthSpinBox.value = 1.5
    slicer.mrmlScene.RemoveNode(chosen._parameterNode.magnitude)
    assert (cells(chosen), chosen._parameterNode.fieldStrength, chosen.series()) == ([], 0.0, {})
    second = add_echo_sequences(spine.series, "Second")
    chosen.take(second)
    write(chosen, 0, "1.2")

    assert list(chosen._parameterNode.edited) == [second["magnitude"]]
    assert len(chosen._parameterNode.edits) == 1


def test_a_module_that_is_left_and_entered_again_shows_the_edits(chosen):
    write(chosen, 0, "1.3")
    write(chosen, 1, "nonsense")
    chosen.parent.exit()
    chosen.parent.enter()

    assert cells(chosen)[:2] == ["1.3", "2.22"]
    assert chosen.ui.applyButton.enabled
    assert chosen.ui.inputMessage.text == ""


def test_what_the_series_says_of_its_field_is_told(chosen):
    words, box = chosen.ui.fieldWords, chosen.ui.fieldStrengthSpinBox
    assert (box.value, box.text) == (0.0, "as the series says")
    assert words.text == "The series says 3 T."
    box.value = 1.5
    assert words.text == "The series says 3 T; 1.5 T is used instead."
    assert chosen.series()["fieldStrength"] == 1.5
    chosen._parameterNode.magnitude.SetAttribute("MRBiomarkers.RepetitionTime", "0.0085")
    chosen._parameterNode.magnitude.Modified()
    assert chosen.ui.sequenceWords.text == "The series says a repetition time of 8.5 ms."


def test_a_series_that_says_nothing_is_fitted_once_all_is_typed(panel, spine):
    panel.take({"magnitude": sequence("raw", np.abs(spine.series.signal), spine.series.affine, field=False)})
    assert cells(panel) == [""] * 6
    assert set(cells(panel, 2)) == {"to be given"}
    assert missing(panel) == [
        "the echo times of 6 images, in the table",
        "the field strength, which the series does not say",
    ]
    assert panel.ui.fieldWords.text == "The series does not say its field strength."
    for row, text in enumerate(TIMES):
        assert not panel.ui.applyButton.enabled
        write(panel, row, text)
    assert missing(panel) == ["the field strength, which the series does not say"]
    panel.ui.fieldStrengthSpinBox.value = 3.0
    assert panel.ui.applyButton.enabled
    panel.ui.applyButton.click()

    assert panel.ui.messageLabel.text.startswith("7 maps were made.")
    assert median_fat(panel, spine.regions["L3"]) == pytest.approx(spine.region_truth["L3"]["PDFF"], abs=3)


def test_a_field_typed_before_a_series_is_chosen_is_meant_for_it(panel, spine):
    panel.ui.fieldStrengthSpinBox.value = 1.5
    panel.take(add_echo_sequences(spine.series, "Echoes"))

    assert panel.series()["fieldStrength"] == 1.5


@pytest.mark.parametrize(
    ("scale", "choice", "words"),
    [
        (1.0, "as their range tells", "The phases fill the range of radians and are taken as such."),
        (180 / np.pi, "-180 to 180 degrees", "Phase: -180 to 180 taken as -pi to pi, as given."),
        (4096 / np.pi, "as their range tells", "taken as -4096 to 4096 (Siemens), -pi to pi."),
    ],
)
def test_how_phases_are_read_is_told_before_the_fit_and_after_it(panel, spine, scale, choice, words):
    signal, affine = spine.series.signal, spine.series.affine
    noise = np.random.default_rng(1).uniform(-np.pi, np.pi, signal.shape)
    angles = np.where(np.abs(signal) > 0.1 * np.abs(signal).max(), np.angle(signal), noise) * scale
    if scale > 100:
        angles = np.rint(angles).clip(-4096, 4095)
    times = [float(text) for text in TIMES]
    panel.take(
        {
            "magnitude": sequence("m", np.abs(signal).astype(np.float32), affine, times),
            "phase": sequence("p", angles, affine, times),
        }
    )
    panel.ui.phaseValuesComboBox.currentText = choice
    assert panel.ui.phaseWords.text.endswith(words)
    panel.ui.applyButton.click()

    assert median_fat(panel, spine.regions["L3"]) == pytest.approx(spine.region_truth["L3"]["PDFF"], abs=0.5)
    if scale != 1.0:
        assert words.rstrip(".")[-20:] in panel.ui.messageLabel.text


def test_degrees_are_not_guessed(panel, spine):
    signal, affine, times = spine.series.signal, spine.series.affine, [float(text) for text in TIMES]
    degrees = np.random.default_rng(1).uniform(-180, 180, signal.shape)
    nodes = {"magnitude": sequence("m", np.abs(signal), affine, times), "phase": sequence("p", degrees, affine, times)}
    panel.take(nodes)

    assert panel.ui.phaseWords.text.endswith("which look like degrees.")
    assert missing(panel) == ["what the values of the phases mean (Phase values)"]
    panel.ui.phaseValuesComboBox.currentText = "-180 to 180 degrees"
    assert panel.ui.applyButton.enabled


def test_images_that_do_not_fit_together_are_said(chosen, spine):
    other = lumbar_fat_water(shape=(4, 24, 24), snr=1e6)
    chosen._parameterNode.phase = add_echo_sequences(other.series, "Other")["phase"]
    assert "phase: expected the grid of magnitude" in chosen.ui.inputMessage.text
    assert missing(chosen) == ["images that can be fitted (see Input)"]
    chosen._parameterNode.phase = chosen._parameterNode.magnitude
    assert "phase: expected phase images" in chosen.ui.inputMessage.text
    before = node_ids()
    chosen.ui.applyButton.click()
    assert node_ids() == before


def test_an_empty_sequence_and_one_under_a_transform_are_said(panel, spine):
    import slicer

    panel.take({"magnitude": slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Empty")})
    assert "without any image" in panel.ui.inputMessage.text
    assert cells(panel) == []
    nodes = add_echo_sequences(spine.series, "Echoes", browser=True)
    panel.take(nodes)
    assert panel.ui.applyButton.enabled
    browser = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Shift")
    browser.GetProxyNode(nodes["magnitude"]).SetAndObserveTransformNodeID(transform.GetID())
    nodes["magnitude"].Modified()
    assert "under the transform 'Shift'" in panel.ui.inputMessage.text
    assert not panel.ui.applyButton.enabled


@pytest.mark.parametrize(
    ("keep", "parameters", "words"),
    [
        (2, {}, "3 echoes or more, which a fit needs"),
        (3, {"method": "mixed"}, "4 echoes or more, which the method mixed needs"),
        (3, {"errors": True}, "4 echoes or more, which maps of errors need"),
        (3, {"bipolar": "along rows"}, "4 echoes or more, which the correction of the readout needs"),
        (3, {}, ""),
    ],
)
def test_too_few_echoes_are_said(chosen, keep, parameters, words):
    node = chosen._parameterNode
    for part in (node.magnitude, node.phase):
        for value in [part.GetNthIndexValue(index) for index in range(keep, part.GetNumberOfDataNodes())]:
            part.RemoveDataNodeAtValue(value)
    for name, value in parameters.items():
        setattr(node, name, value)

    assert missing(chosen) == ([words] if words else [])
    assert cells(chosen) == TIMES[:keep]


def test_phases_of_other_echo_times_are_said(panel, spine):
    signal, affine, times = spine.series.signal, spine.series.affine, [float(text) for text in TIMES]
    parts = {"real": (signal.real, times), "imaginary": (signal.imag, [time + 0.5 for time in times])}
    panel.take({name: sequence(name, values, affine, given) for name, (values, given) in parts.items()})

    assert "imaginary: expected the echo times of real" in panel.ui.inputMessage.text
    assert missing(panel) == [UNUSABLE]


def test_an_image_that_is_lost_unseen_is_said_in_input_once_a_fit_was_tried(chosen):
    chosen._parameterNode.magnitude.GetNthDataNode(0).SetAndObserveImageData(None)
    chosen.ui.applyButton.click()

    assert chosen.ui.messageLabel.text.startswith("Not finished: ")
    assert "without image data" in chosen.ui.inputMessage.text
    assert missing(chosen) == ["images that can be fitted (see Input)"]

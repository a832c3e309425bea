"""The section Maps of the scanner: the proposal in words, the unit that is confirmed, and nothing before that."""

import numpy as np
import pytest

from mrbiomarkers.mrml import add_segmentation, measurements_of, parameter_map
from Testing.support.scanner_maps import body
from Testing.support.scene_nodes import map_nodes, node_ids
from Testing.support.section_host import SectionHost


class Regions:
    """What the section asks of Regions."""

    regions = None


class Echoes(SectionHost):
    kind = "multi-echo"


@pytest.fixture(params=["multi-echo"])
def host(program, request):
    from mrbiomarkers.panels.source.scanner_maps_section import ScannerMapsSection

    host = (Echoes if request.param == "multi-echo" else SectionHost)(program, scanner=ScannerMapsSection)
    host.ui, host.regions = host.scanner.ui, Regions()
    yield host
    host.end()


diffusion = pytest.mark.parametrize("host", ["diffusion"], indirect=True)


def volume(values, name="as stored"):
    import slicer

    return slicer.util.addVolumeFromArray(np.ascontiguousarray(values), name=name)


def choose(host, node, symbol=None):
    host.ui.volumeSelector.setCurrentNode(node)
    if symbol:
        combo = host.ui.quantityComboBox
        texts = [combo.itemText(index) for index in range(combo.count)]
        combo.currentIndex = next(n for n, text in enumerate(texts) if text.startswith(f"{symbol} ("))


def said(host):
    return host.ui.mapsMessage.text


def is_missing(button):
    found = button.toolTip.partition("Missing: ")[2].partition(".</p>")[0]
    assert button.enabled is not bool(found)
    return found


@pytest.mark.parametrize(
    ("host", "symbols"),
    [("multi-echo", ["PDFF", "R2*", "T2*"]), ("diffusion", ["ADC", "D", "D*", "f", "DDC", "α", "MD", "MK"])],
    indirect=["host"],
)
def test_each_module_offers_its_quantities(host, symbols):
    combo = host.ui.quantityComboBox
    assert [combo.itemText(index).partition(" (")[0] for index in range(combo.count)] == symbols


def test_buttons_say_what_is_missing(host):
    ui = host.ui
    assert is_missing(ui.proposeButton) == "a volume"
    assert is_missing(ui.confirmButton) == "a volume, a unit"
    choose(host, volume(body()))
    assert is_missing(ui.proposeButton) == ""
    assert is_missing(ui.confirmButton) == "a unit"
    ui.unitEdit.text = "%"
    assert is_missing(ui.confirmButton) == ""
    host.running = True
    host.scanner.check()
    for button in (ui.proposeButton, ui.confirmButton):
        assert not button.enabled
        assert "Wait until the work" in button.toolTip


@pytest.mark.parametrize(("full", "unit"), [(100.0, "%"), (1.0, "fraction"), (1000.0, "permille")])
def test_a_proposal_is_words_until_it_is_confirmed(host, full, unit):
    node = volume(body(full))
    choose(host, node)
    before = node_ids()
    host.ui.proposeButton.click()

    assert node_ids() == before
    lines = said(host).splitlines()
    assert lines[0].startswith("The values go from ")
    assert f"to {float(np.max(body(full))):.4g}," in lines[0]
    assert lines[1].startswith(f"They speak for PDFF in {unit} (confidence: ")
    assert lines[2].startswith("Nothing is made until you confirm")
    assert host.ui.unitEdit.text == unit
    host.ui.confirmButton.click()
    (made,) = map_nodes()
    found = parameter_map(made)
    np.testing.assert_allclose(found.values[np.isfinite(found.values)].max(), body().max(), rtol=1e-5)
    assert found.unit == "%"
    assert "accepted" in str(found.provenance)
    assert said(host).splitlines()[0].endswith(f"was made of PDFF in {unit}. Measure can use it now, without a fit.")
    assert node.GetAttribute("MRBiomarkers.Quantity") is None


def test_a_unit_of_ones_own_goes_before_the_proposal(host):
    choose(host, volume(body()))
    host.ui.proposeButton.click()
    host.ui.unitEdit.text = "0.5*%"
    host.ui.confirmButton.click()

    (made,) = map_nodes()
    found = parameter_map(made)
    assert np.nanmax(found.values) == pytest.approx(body().max() / 2, rel=1e-5)
    assert "accepted" not in str(found.provenance)


@pytest.mark.parametrize("unit", ["parsec", "0*%", "%%", "x*%", "ms"])
def test_a_wrong_unit_is_said_and_nothing_is_made(host, unit):
    choose(host, volume(body()))
    host.ui.unitEdit.text = unit
    before = node_ids()
    host.ui.confirmButton.click()

    assert "expected" in said(host)
    assert node_ids() == before
    assert host.ui.unitEdit.text == unit


def test_values_that_tell_nothing_ask_for_the_unit(host):
    choose(host, volume(np.full((5, 10, 10), 7.0)))
    host.ui.unitEdit.text = "%"
    host.ui.proposeButton.click()

    assert "They propose no unit for PDFF: " in said(host)
    assert said(host).endswith("Write the unit, and confirm it.")
    assert host.ui.unitEdit.text == ""


def test_marrow_tells_r2star_from_t2star(host):
    rates = np.full((6, 20, 20), 15.0)
    rates[2:4, 5:15, 5:15] = 120.0
    rates += np.random.default_rng(0).normal(0, 1, rates.shape)
    choose(host, volume(rates), "R2*")
    host.ui.proposeButton.click()
    assert "With regions in vertebrae" in said(host)
    mask = np.zeros(rates.shape, bool)
    mask[2:4, 5:15, 5:15] = True
    host.regions.regions = add_segmentation("L3", {"L3": mask}, np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.eye(4))
    host.ui.proposeButton.click()

    assert "regions" not in said(host)
    assert host.ui.unitEdit.text == ""  # the regions lie elsewhere, so nothing is known of marrow
    host.regions.regions = add_segmentation("L3", {"L3": mask}, np.eye(4))
    host.ui.proposeButton.click()
    assert "They speak for R2* in 1/s" in said(host)
    assert host.ui.unitEdit.text == "1/s"


@pytest.mark.parametrize("change", ["volume", "quantity"])
def test_a_unit_is_never_taken_to_another_volume_or_quantity(host, change):
    choose(host, volume(body()))
    host.ui.proposeButton.click()
    assert host.ui.unitEdit.text == "%"
    if change == "volume":
        choose(host, volume(body(1.0), "other"))
    else:
        choose(host, host.ui.volumeSelector.currentNode(), "T2*")

    assert host.ui.unitEdit.text == ""
    assert said(host) == ""
    assert is_missing(host.ui.confirmButton) == "a unit"


def test_a_map_of_ours_needs_no_unit(host):
    choose(host, volume(body()))
    host.ui.unitEdit.text = "%"
    host.ui.confirmButton.click()
    choose(host, map_nodes()[0])

    assert "it knows its unit" in said(host)
    assert is_missing(host.ui.proposeButton) == "a volume that is no map of this extension"
    assert is_missing(host.ui.confirmButton) == "a volume that is no map of this extension, a unit"


def test_label_maps_are_not_offered(host):
    import slicer

    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    node = volume(body())
    assert host.ui.volumeSelector.nodes() == [node]


def test_an_empty_volume_is_said(host):
    import slicer

    choose(host, slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty"))
    host.ui.proposeButton.click()

    assert "'empty' without image data" in said(host)


@diffusion
def test_an_adopted_map_is_measured_without_a_fit(host):
    truth = np.full((6, 64, 64), 1100.0, np.float32)
    truth += np.random.default_rng(0).normal(0, 50, truth.shape).astype(np.float32)
    node = volume(truth, "ADC of the scanner")
    choose(host, node, "ADC")
    host.ui.proposeButton.click()
    assert host.ui.unitEdit.text == "10^-6 mm2/s"
    host.ui.confirmButton.click()
    mask = np.zeros(truth.shape, bool)
    mask[2:4, 20:40, 20:40] = True
    regions = add_segmentation("L3", {"L3": mask}, np.eye(4))
    (row,) = measurements_of(host.logic.measure(map_nodes(), regions).table)

    assert host.last is None
    assert (row.quantity, row.region) == ("ADC", "L3")
    assert row.value == pytest.approx(truth[mask].mean() / 1000, rel=1e-4)


def test_the_volume_is_kept_with_the_scene_and_shared(host, tmp_path):
    import slicer

    choose(host, volume(body(), "stored"))
    host.ui.unitEdit.text = "%"
    host.leave()
    host.open()
    assert host.ui.volumeSelector.currentNode().GetName() == "stored"
    assert host.ui.unitEdit.text == ""
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert host.ui.volumeSelector.currentNode() is None
    assert is_missing(host.ui.proposeButton) == "a volume"
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    assert host.ui.volumeSelector.currentNode().GetName() == "stored"


def test_a_deleted_volume_leaves_no_unit(host):
    import slicer

    node = volume(body())
    volume(body(), "other")
    choose(host, node)
    host.ui.unitEdit.text = "%"
    host.scanner.nodeRemoved(node)
    slicer.mrmlScene.RemoveNode(node)

    assert host.ui.volumeSelector.currentNode() is None
    assert host.ui.unitEdit.text == ""
    assert is_missing(host.ui.confirmButton) == "a volume, a unit"

"""The section Readers: who is compared, the table, the charts, the notes; from the scene and from a worklist."""

from types import SimpleNamespace

import pytest

from Testing.kernels.study.test_readings import read
from Testing.support.readers_host import ReadersHost


@pytest.fixture
def host(program):
    host = ReadersHost(program)
    yield host
    host.end()


def compared(host):
    host.read_first()
    host.read_second()
    host.form.showButton.click()
    host.form.compareButton.click()
    return host.readers._parameters.agreement


def figures(table, name):
    data = table.GetTable()
    return [data.GetColumnByName(name).GetValue(row) for row in range(data.GetNumberOfRows())]


def open_worklist(host, tmp_path, reader="Anna", **options):
    from mrbiomarkers.study import Worklist

    worklist = Worklist.read(tmp_path / "cohort.csv", reader=reader, **options)
    host.cases = SimpleNamespace(case=None, worklist=worklist, ui=None, identity=lambda: None, check=lambda: None)
    host.readers.check()
    return worklist


def test_readers_of_the_scene_are_compared(host):
    table = compared(host)
    form = host.form

    assert (host.offered(form.readerAComboBox), form.readerAComboBox.currentText) == (["Anna", "Ben"], "Anna")
    assert form.readerBComboBox.currentText == "Ben"
    assert form.agreementTable.mrmlTableNode() is table
    assert set(figures(table, "n")) == {5}
    assert (figures(table, "reader_a")[0], figures(table, "reader_b")[0]) == ("Anna", "Ben")
    assert len(host.offered(form.quantityComboBox)) == table.GetTable().GetNumberOfRows()
    assert "not independent" in form.notesLabel.text
    assert host.told == "Anna and Ben were compared."
    assert form.notesLabel.wordWrap


def test_the_chart_of_the_chosen_quantity_is_shown(host):
    compared(host)
    combo, charts = host.form.quantityComboBox, host.readers._charts()

    assert list(charts) == host.offered(combo)
    assert host.measure.charts == [charts[combo.currentText]]
    combo.addItem("another")
    combo.currentIndex = combo.count - 1
    combo.currentIndex = 0
    assert host.measure.charts == [charts[combo.currentText]] * 2
    host.leave()
    host.open()
    assert len(host.measure.charts) == 2  # entering does not take a decay from the view


def test_the_same_reader_twice_is_told(host):
    compared(host)
    table = host.readers._parameters.agreement
    host.form.readerBComboBox.currentText = "Anna"
    host.form.compareButton.click()

    assert host.told == "Choose two different readers."
    assert host.readers._parameters.agreement is table


@pytest.mark.parametrize(
    ("regions", "told"), [("L9", "Nobody has measured L9; measured were L1"), ("L3", "have 1 in common in this scene")]
)
def test_regions_that_cannot_be_compared_are_told_and_the_scene_stays(host, regions, told):
    import slicer

    compared(host)
    before = slicer.mrmlScene.GetNumberOfNodes()
    host.form.onlyRegionsLineEdit.text = regions
    host.form.compareButton.click()

    assert told in host.told
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_chosen_regions_only(host):
    compared(host)
    host.form.onlyRegionsLineEdit.text = " L1,L2 "
    host.form.compareButton.click()

    assert set(figures(host.readers._parameters.agreement, "n")) == {2}


def test_a_comparison_is_not_seen_while_a_second_reader_reads(host):
    table = compared(host)
    host.sign("Anna")
    host.begin("Carl")

    assert host.readers.blinded
    assert table.GetHideFromEditors()
    assert host.form.agreementTable.mrmlTableNode() is None
    assert host.offered(host.form.quantityComboBox) == []
    assert host.form.notesLabel.text == ""
    host.form.showButton.click()
    assert host.form.agreementTable.mrmlTableNode() is table
    assert host.form.notesLabel.text != ""


def test_a_comparison_survives_a_saved_scene(host, tmp_path):
    import slicer

    compared(host)
    quantities, notes = host.offered(host.form.quantityComboBox), host.form.notesLabel.text
    assert slicer.mrmlScene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear()
    assert host.form.agreementTable.mrmlTableNode() is None
    assert host.form.notesLabel.text == ""
    assert slicer.mrmlScene.ReadFromMRB(str(tmp_path / "scene.mrb"))

    assert host.form.agreementTable.mrmlTableNode() is host.readers._parameters.agreement is not None
    assert host.offered(host.form.quantityComboBox) == quantities
    assert host.form.notesLabel.text == notes
    assert host.offered(host.form.readerAComboBox) == ["Anna", "Ben"]


def test_a_deleted_table_is_shown_no_more(host):
    import slicer

    table = compared(host)
    host.readers.nodeRemoved(table)
    slicer.mrmlScene.RemoveNode(table)

    assert host.form.agreementTable.mrmlTableNode() is None
    assert host.offered(host.form.quantityComboBox) == []


def test_readers_of_a_worklist_are_compared_over_the_cases_that_both_have_done(host, tmp_path):
    read(tmp_path, "Anna", done=(1, 2, 3))
    read(tmp_path, "Ben", done=(1, 2), without=(2,))
    assert host.offered(host.form.sourceComboBox) == ["This scene"]
    with open_worklist(host, tmp_path, reader="Ben"):
        assert host.offered(host.form.sourceComboBox) == ["This scene", "Worklist"]
        host.form.sourceComboBox.currentIndex = 1
        assert host.offered(host.form.readerAComboBox) == ["Anna", "Ben"]
        host.form.compareButton.click()
        assert "1 in common in the cases of the worklist that are done" in host.told
        assert host.readers._parameters.agreement is None
    read(tmp_path, "Ben", done=(1, 2))
    with open_worklist(host, tmp_path, reader="Ben"):
        host.form.compareButton.click()

    assert figures(host.readers._parameters.agreement, "n") == [2]
    assert figures(host.readers._parameters.agreement, "bias") == [0.0]
    assert "only reader 'Anna' measured S3 pre" in host.form.notesLabel.text
    host.cases = None
    host.readers.check()
    assert host.offered(host.form.sourceComboBox) == ["This scene"]


def test_hidden_time_points_stay_hidden_in_the_notes(host, tmp_path):
    read(tmp_path, "Anna", done=(1, 2, 3))
    read(tmp_path, "Ben", done=(1, 2))
    with open_worklist(host, tmp_path, reader="Ben", blind=True):
        host.form.sourceComboBox.currentIndex = 1
        host.form.compareButton.click()

    assert "only reader 'Anna' measured case" in host.form.notesLabel.text
    assert "S3" not in host.form.notesLabel.text
    assert "pre" not in host.form.notesLabel.text.split()


def test_a_reader_whose_readings_are_damaged_or_gone_is_told(host, tmp_path):
    import shutil

    anna = read(tmp_path, "Anna", done=(1, 2))
    read(tmp_path, "Ben", done=(1, 2))
    with open_worklist(host, tmp_path, reader="Ben"):
        host.form.sourceComboBox.currentIndex = 1
        for table in anna.glob("*.measurements.csv"):
            table.write_text("nonsense\n")
        host.form.compareButton.click()
        assert "expected columns" in host.told
        shutil.rmtree(anna)
        host.form.compareButton.click()
        assert "Anna has no readings beside this worklist any more" in host.told
    assert host.readers._parameters.agreement is None


def test_the_form_fits_in_480_pixels_at_large_type(host):
    import qt
    from PySide6.QtWidgets import QApplication

    font = QApplication.instance().font()
    large = qt.QFont(font)
    large.setPointSizeF(1.5 * font.pointSizeF())
    QApplication.instance().setFont(large)
    try:
        compared(host)
        host.form.readersSection.collapsed = False
        widths = [host.readers.widget.minimumSizeHint.width(), host.regions.widget.minimumSizeHint.width()]
    finally:
        QApplication.instance().setFont(font)

    assert max(widths) <= 480

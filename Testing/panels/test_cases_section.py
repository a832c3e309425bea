"""The section Cases: opening a worklist and its cases, saving, the next one, excluding."""

import time

import pytest

from Testing.support.cases_host import CasesHost, node_names, voxels_of, write_cases


@pytest.fixture
def host(program):
    host = CasesHost(program)
    yield host
    host.end()


def opened():
    from mrbiomarkers.panels.cases.open_worklist import OPEN

    return OPEN


def test_without_a_worklist_there_is_little(host):
    assert host.ui.casesSection.collapsed
    assert not host.ui.openWorklistButton.enabled
    assert "a worklist, the reader's name" in host.ui.openWorklistButton.toolTip
    assert host.ui.casesBox.isHidden()
    assert host.cases.identity() is None


def test_a_worklist_is_opened_and_listed(host, tmp_path):
    host.open_worklist(write_cases(tmp_path))

    assert sorted(host.states().items()) == [(f"S0{n}, pre", "to do") for n in (1, 2, 3)]
    assert host.ui.countsLabel.text == "3 to do, 0 done, 0 excluded"
    assert not host.ui.casesBox.isHidden()
    assert host.ui.worklistForm.isHidden()
    assert host.ui.openButton.enabled  # the first to do is selected
    assert not host.ui.saveButton.enabled


def test_a_case_comes_into_the_scene_and_asks_for_points(host, tmp_path):
    host.open_worklist(write_cases(tmp_path))
    case = host.open_case("S02")

    assert host.cases.case == case
    assert host.cases.identity() == ("S02", "pre")
    assert host.node.GetName() == "S02 pre DWI"
    assert host.node.GetAttribute("MRBiomarkers.Case") == "S02, pre"
    assert host.regions.reader == "A"
    assert host.regions.image is host.node
    assert host.regions.placed == 1
    assert host.states()["S02, pre"] == "open, to do"
    assert "S02, pre is open." in host.said


def test_a_case_whose_reading_was_cancelled_stays_the_next_one(host, tmp_path, monkeypatch):
    from mrbiomarkers.panels.cases import open_worklist

    def cancelled(*given):
        raise InterruptedError("reading was cancelled")

    host.open_worklist(write_cases(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(open_worklist, "read_images", cancelled)
        host.ui.nextButton.click()
    assert "Cancelled" in host.said
    assert host.cases.case is None
    assert opened().passed == {}
    host.ui.nextButton.click()
    assert host.cases.case is not None


def test_hidden_cases_tell_nothing_in_the_scene(host, tmp_path):
    host.open_worklist(write_cases(tmp_path / "S02_pre"), hide=True)
    host.open_case("S02")
    label = opened().worklist.label(host.cases.case)
    import slicer

    text = slicer.mrmlScene.GetSceneXMLString() if hasattr(slicer.mrmlScene, "GetSceneXMLString") else ""
    attributes = [
        node.GetAttribute(name)
        for number in range(slicer.mrmlScene.GetNumberOfNodes())
        for node in [slicer.mrmlScene.GetNthNode(number)]
        for name in node.GetAttributeNames()
    ]
    shown = " ".join([*node_names().values(), *attributes, host.said, text, *host.states()])

    assert host.cases.identity() == (label, "")
    assert label.startswith("case ")
    assert "S02" not in shown
    assert "pre" not in shown
    assert str(tmp_path) not in shown


def test_readings_are_saved_soon_and_come_back(host, program, tmp_path):
    host.open_worklist(write_cases(tmp_path))
    case = host.open_case("S01")
    regions, points = host.draw()
    places = opened().worklist.places(case)
    begin = time.monotonic()
    program.wait(lambda: places.regions.exists() and places.points.exists(), 3)

    assert time.monotonic() - begin < 2
    before = voxels_of(regions)
    regions.GetSegmentation().GetNthSegment(0).SetName("L1 new")
    host.open_case("S02")
    assert regions.GetScene() is None
    assert points.GetScene() is None
    assert host.regions.regions is None
    host.open_case("S01")
    again = voxels_of(host.regions.regions)
    assert again[0][1] == "L1 new"
    assert again[1:] == before[1:]
    assert host.regions.points.GetNumberOfDefinedControlPoints() == 5
    import slicer

    for node in (host.node, host.regions.regions, host.regions.points):
        assert node.GetScene() is slicer.mrmlScene
    assert host.regions.placed == 2
    assert host.regions.regions.GetAttribute("MRBiomarkers.Reader") == "A"


def test_nothing_is_written_while_nothing_changes(host, program, tmp_path):
    host.open_worklist(write_cases(tmp_path))
    case = host.open_case("S01")
    host.draw()
    opened().onTime()
    file = opened().worklist.places(case).regions
    first = file.stat().st_mtime_ns
    opened().onTime()
    assert file.stat().st_mtime_ns == first
    assert opened().save(everything=True)
    assert file.stat().st_mtime_ns > first


def test_save_marks_done_and_writes_true_names(host, tmp_path):
    from mrbiomarkers.panels.cases.case_readings import read_rows

    host.open_worklist(write_cases(tmp_path), hide=True)
    case = host.open_case("S03")
    host.draw()
    measured = host.measure_now()
    label = opened().worklist.label(case)
    from mrbiomarkers.mrml import measurements_of

    assert {(row.subject, row.timepoint) for row in measurements_of(measured.table)} == {(label, "")}
    host.ui.saveButton.click()

    rows = read_rows(opened().worklist.places(case).measurements)
    assert {(row.subject, row.timepoint, row.reader) for row in rows} == {("S03", "pre", "A")}
    assert len(rows) == len(measurements_of(measured.table))
    assert host.states()[label] == "open, done"
    assert host.said == f"{label}: saved, done."
    host.open_case("S01")
    assert host.measure.measured is None
    host.open_case("S03")
    assert {(row.subject, row.timepoint) for row in measurements_of(host.measure.table)} == {(label, "")}
    assert opened().is_measured


def test_next_is_done_only_where_it_was_measured(host, tmp_path):
    host.open_worklist(write_cases(tmp_path))
    order = [case.subject for case in opened().worklist.cases]
    host.ui.nextButton.click()
    assert host.cases.case.subject == order[0]
    host.draw()
    host.ui.nextButton.click()
    assert host.cases.case.subject == order[1]
    assert host.states()[f"{order[0]}, pre"] == "to do"
    host.draw()
    host.measure_now()
    host.ui.nextButton.click()
    assert host.states()[f"{order[1]}, pre"] == "done"
    assert host.cases.case.subject == order[2]
    host.draw()
    host.measure_now()
    opened().onTime()
    host.regions.regions.GetSegmentation().RemoveSegment(host.regions.regions.GetSegmentation().GetNthSegmentID(0))
    host.ui.nextButton.click()
    assert host.states()[f"{order[2]}, pre"] == "to do"  # measured before its regions changed
    assert host.cases.case.subject == order[0]


def test_when_nothing_is_left_next_says_so(host, tmp_path):
    host.open_worklist(write_cases(tmp_path, ("S01",)))
    host.ui.nextButton.click()
    host.ui.nextButton.click()

    assert host.said.startswith("No other case is left to do here.")
    assert host.cases.case.subject == "S01"


def test_exclude_needs_a_reason_and_can_be_taken_back(host, tmp_path):
    host.open_worklist(write_cases(tmp_path))
    case = host.select("S02")
    host.ui.reasonComboBox.currentIndex = 2
    assert not host.ui.excludeButton.enabled
    assert "words on the reason" in host.ui.excludeButton.toolTip
    host.ui.wordsEdit.text = "metal"
    host.ui.excludeButton.click()

    assert host.states()["S02, pre"] == "excluded, other: metal"
    assert host.ui.countsLabel.text == "2 to do, 0 done, 1 excluded"
    host.select("S02")
    assert host.ui.excludeButton.text == "Include"
    host.ui.excludeButton.click()
    assert opened().worklist.state(case).state == "to do"


def test_all_cases_of_a_cohort_are_listed_quickly(host, tmp_path):
    names = [f"S{n:03}" for n in range(336)]
    host.open_worklist(write_cases(tmp_path, names))
    section = host.cases
    section._listed = None
    begin = time.perf_counter()
    section.refresh()
    spent = time.perf_counter() - begin

    assert host.ui.caseTable.rowCount == 336
    assert spent < 0.2
    case = host.select("S200")
    texts = [host.ui.caseTable.item(row, 1) for row in range(336)]
    opened().mark(case, "excluded", "motion")
    changed = [
        item for row, item in enumerate(texts) if host.ui.caseTable.item(row, 1) is not item or "motion" in item.text()
    ]
    assert len(changed) == 1


def test_a_folder_of_dicom_files_is_a_worklist(host, program, tmp_path):
    import slicer

    from Testing.support.dicom import ge, siemens

    ge.ge_diffusion(tmp_path / "cohort" / "S01" / "dwi")
    siemens.siemens_echoes(tmp_path / "cohort" / "S01" / "echoes")
    program.answers.file = str(tmp_path / "cohort")
    host.ui.folderButton.click()
    host.open_worklist(host.ui.worklistPath.currentPath)
    assert sorted(host.states()) == ["S01, 1, diffusion", "S01, 1, multi-echo"]
    kinds = {case.kind: case for case in opened().worklist.cases}
    for kind in ("multi-echo", "diffusion"):
        host.cases._select(kinds[kind])
        host.ui.openButton.click()
    assert host.node.GetName() == "S01 1 diffusion DWI"
    assert host.node.GetNumberOfDataNodes() > 1
    host.kind, taken = "multi-echo", []
    host.take = taken.append
    host.ui.nextButton.click()
    assert host.cases.case == kinds["multi-echo"]
    assert sorted(taken[0]) == ["magnitude", "phase"]
    texts = [
        node.GetAttribute(name)
        for number in range(slicer.mrmlScene.GetNumberOfNodes())
        for node in [slicer.mrmlScene.GetNthNode(number)]
        for name in node.GetAttributeNames()
    ]
    assert not [text for text in texts if str(tmp_path) in text]


def test_a_new_start_remembers_worklist_and_reader(host, program, tmp_path):
    table = write_cases(tmp_path)
    host.open_worklist(table, reader="A")
    host.ui.closeButton.click()
    other = CasesHost(program)

    assert other.ui.worklistPath.currentPath == str(table)
    assert other.ui.readerEdit.text == "A"
    assert other.ui.openWorklistButton.enabled
    other.end()


def test_a_saved_order_and_hiding_stay_unless_they_are_changed(host, tmp_path):
    table = write_cases(tmp_path)
    host.ui.worklistPath.currentPath, host.ui.readerEdit.text = str(table), "A"
    host.ui.hideCheckBox.click()
    host.ui.orderSpinBox.value = 7
    host.ui.openWorklistButton.click()
    assert opened().worklist.blind
    assert (opened().worklist.seed, host.ui.openLabel.text) == (7, "Reader A, order 7, subject and time point hidden")
    host.ui.closeButton.click()
    host.ui.worklistPath.currentPath, host.ui.readerEdit.text = "", ""
    host.ui.hideCheckBox.checked = False
    host.open_worklist(table)
    assert opened().worklist.blind
    assert opened().worklist.seed == 7
    host.ui.closeButton.click()
    host.ui.orderSpinBox.value = 8
    host.ui.openWorklistButton.click()
    assert "seed: expected 7" in host.said


def test_a_case_of_both_kinds_keeps_the_rows_of_the_other(host, tmp_path):
    from mrbiomarkers.files import write_echo_series
    from mrbiomarkers.panels.cases.case_readings import read_rows
    from mrbiomarkers.phantom import lumbar_fat_water

    write_cases(tmp_path)
    write_echo_series(
        tmp_path / "m.nii.gz", lumbar_fat_water(shape=(4, 32, 32)).series, phase_path=tmp_path / "p.nii.gz"
    )
    table = tmp_path / "cohort.csv"
    table.write_text("subject,timepoint,series,magnitude,phase\nS01,pre,dwi.nii.gz,m.nii.gz,p.nii.gz\n")
    host.open_worklist(table)
    case = host.open_case("S01")
    regions, _ = host.draw()
    host.measure_now()
    opened().onTime()
    dwi = host.node
    host.kind, taken = "multi-echo", []
    host.take = taken.append
    host.ui.openButton.click()

    assert host.cases.case == case
    assert dwi.GetScene() is not None  # the same case: its other images come beside
    assert regions.GetScene() is not None
    assert sorted(taken[0]) == ["magnitude", "phase"]
    from dataclasses import replace

    from mrbiomarkers.mrml import MeasuredNodes, add_measurement_table

    place = opened().worklist.places(case).measurements
    first = read_rows(place)
    rows = [replace(row, quantity="PDFF", unit="%", model="", value=30.0) for row in first]
    host.measure.show(MeasuredNodes(add_measurement_table(rows, "PDFF"), None, {}, ()))
    opened().onTime()
    assert {row.quantity for row in read_rows(place)} == {"ADC", "PDFF"}


def test_the_views_show_the_series_of_the_case(host, program, tmp_path, monkeypatch):
    import slicer

    shown = []
    monkeypatch.setattr(slicer.util, "setSliceViewerLayers", lambda **layers: shown.append(layers))
    monkeypatch.setattr(program.app, "layoutManager", lambda: object())
    host.open_worklist(write_cases(tmp_path))
    host.open_case("S01")

    assert shown[0]["background"].IsA("vtkMRMLScalarVolumeNode")
    assert shown[0]["background"].GetImageData() is not None
    assert shown[0]["fit"]
    assert shown[0]["rotateToVolumePlane"]


def test_while_other_work_runs_nothing_can_be_pressed(host, tmp_path):
    host.open_worklist(write_cases(tmp_path))
    host.open_case("S01")
    host.running = True
    host.cases.check()
    buttons = [host.ui.openButton, host.ui.saveButton, host.ui.nextButton, host.ui.closeButton, host.ui.excludeButton]

    assert not any(button.enabled for button in buttons)
    assert all("Wait until the work" in button.toolTip for button in buttons)
    host.cases.onNext()
    assert host.cases.case.subject == "S01"
    host.running = False

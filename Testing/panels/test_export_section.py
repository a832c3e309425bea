"""The section Export: what can be chosen, what is missing, the clipboard, the files, and what is said."""

import csv
import io

import pytest

from Testing.support.export_host import ExportHost, choose, listed, measured, said, settle, tick


@pytest.fixture
def host(program, tmp_path):
    host = ExportHost(program, tmp_path / "results")
    yield host
    host.end()


def test_with_nothing_there_the_tooltips_say_what_is_missing(host):
    assert not host.ui.copyButton.enabled
    assert "a table (Measure makes it)" in host.ui.copyButton.toolTip
    assert not host.ui.exportButton.enabled
    for words in ("a table", "charts or regions for figures", "regions or points", "a folder"):
        assert words in host.ui.exportButton.toolTip
    tick(host)
    assert "something to export" in host.ui.exportButton.toolTip
    tick(host, "maps", "dicom")
    assert "maps of a fit, the source DICOM folder, a folder" in host.ui.exportButton.toolTip


def test_what_is_made_enables_the_buttons(host):
    measured(host)

    assert host.ui.copyButton.enabled
    assert "Copy Summary of Regions of DWI with its header and units" in host.ui.copyButton.toolTip
    assert not host.ui.exportButton.enabled
    assert "Missing: a folder." in host.ui.exportButton.toolTip
    choose(host)
    assert host.ui.exportButton.enabled
    assert "nothing is ever overwritten" in host.ui.exportButton.toolTip


def test_only_tables_of_this_extension_can_be_chosen(host):
    import slicer

    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "of the user")
    found = measured(host)
    shown = host.ui.tableSelector.nodes()

    assert set(shown) == {found.table, found.summary}


def test_the_clipboard_has_the_latest_summary_with_units(host):
    import slicer

    found = measured(host)
    host.ui.copyButton.click()
    data = slicer.app.clipboard().mimeData()
    header, *rows = list(csv.reader(io.StringIO(data.text()), delimiter="\t"))
    table = found.summary.GetTable()

    assert len(rows) == table.GetNumberOfRows() == 5
    column = header.index("D [10^-3 mm2/s]")
    for number, row in enumerate(rows):
        assert row[0] == f"L{number + 1}"
        assert float(row[column]) == pytest.approx(table.GetColumnByName("D").GetValue(number), rel=1e-5)
    assert data.html().count("<tr>") == 6
    assert "<th>D [10^-3 mm2/s]</th>" in data.html()
    assert said(host) == f"Copied: {found.summary.GetName()}, 5 rows."


def test_a_chosen_table_is_the_one_that_is_copied_and_exported(host):
    import slicer

    from mrbiomarkers.mrml import add_record_table

    measured(host)
    choose(host)
    table = add_record_table([{"quantity": "<D>", "reader_a": "A", "icc": 0.123456789, "n": 5.0}], "Records")
    host.ui.tableSelector.setCurrentNode(table)
    settle(host)
    host.ui.copyButton.click()

    assert slicer.app.clipboard().mimeData().text() == "quantity\treader_a\ticc\tn\n<D>\tA\t0.123457\t5\n"
    assert "<td>&lt;D&gt;</td>" in slicer.app.clipboard().mimeData().html()
    tick(host, "table")
    host.ui.exportButton.click()
    assert listed(host) == ["records.csv"]
    written = (host.folder / "S01_A" / "records.csv").read_text()
    assert written == "quantity,reader_a,icc,n\n<D>,A,0.123456789,5\n"


def test_an_empty_table_is_said_and_not_copied(host):
    import slicer

    found = measured(host)
    slicer.app.clipboard().setText("before")
    while found.summary.GetTable().GetNumberOfRows():
        found.summary.GetTable().RemoveRow(0)
    host.ui.copyButton.click()

    assert "expected at least one row" in said(host)
    assert slicer.app.clipboard().text() == "before"


def test_export_writes_and_lists_names_and_not_paths(host):
    measured(host)
    choose(host)
    tick(host, "table", "maps", "regions")
    host.ui.exportButton.click()

    names = listed(host)
    assert {"measurements.csv", "D.nrrd", "D.json", "regions.seg.nrrd", "points.mrk.json"} <= set(names)
    assert sorted(path.name for path in (host.folder / "S01_A").iterdir()) == sorted(names)
    assert said(host) == f"{len(names)} files were exported into S01_A."
    assert str(host.folder) not in said(host)
    assert not host.ui.exportedList.isHidden()


def test_a_second_export_goes_into_a_new_folder(host):
    measured(host)
    choose(host)
    tick(host, "table")
    host.ui.exportButton.click()
    host.ui.exportButton.click()

    assert sorted(path.name for path in host.folder.iterdir()) == ["S01_A", "S01_A_2"]
    assert "into S01_A_2" in said(host)


def test_figures_are_made_of_what_was_measured_last(host):
    pytest.importorskip("matplotlib")
    measured(host)
    choose(host)
    tick(host, "figures")
    host.ui.exportButton.click()

    levels = [f"L{number}" for number in range(1, 6)]
    assert set(listed(host)) == {"regions.png", *(f"{kind}_{x}.png" for x in levels for kind in ("decay_A", "maps"))}


def test_a_refused_package_leaves_its_part_out_and_is_said(host, monkeypatch):
    from mrbiomarkers.panels.export import exporting

    def refuse(name, requirement, purpose):
        raise ImportError(f"{purpose} needs the Python package {name}")

    monkeypatch.setattr(exporting, "ensure_package", refuse)
    measured(host)
    choose(host)
    tick(host, "table", "figures")
    host.ui.exportButton.click()
    assert listed(host) == ["measurements.csv"]
    assert said(host).splitlines()[1] == "An export with figures needs the Python package matplotlib"
    tick(host, "figures")
    host.ui.exportButton.click()
    assert said(host) == "An export with figures needs the Python package matplotlib"
    assert listed(host) == []
    assert len(list(host.folder.iterdir())) == 1


@pytest.mark.parametrize("where", ["gone", "file"])
def test_a_folder_that_is_not_there_is_said(host, where):
    (host.folder / "file").write_text("")
    measured(host)
    choose(host, host.folder / where)
    tick(host, "table")
    host.ui.exportButton.click()

    assert "there is no such folder; choose one that exists" in said(host)
    assert [path.name for path in host.folder.iterdir()] == ["file"]


def test_a_node_that_cannot_be_used_is_said_and_nothing_written(host):
    found = measured(host)
    choose(host)
    found.table.GetTable().RemoveColumnByName("value")
    tick(host, "table", "regions")
    host.ui.exportButton.click()

    assert "expected the columns of a measurement table" in said(host)
    assert list(host.folder.iterdir()) == []
    assert host.ui.exportButton.enabled


def test_while_other_work_runs_nothing_is_exported(host):
    measured(host)
    choose(host)
    host.running = True
    host.section.check()
    assert not host.ui.exportButton.enabled
    host.section.onExport()
    assert list(host.folder.iterdir()) == []
    host.running = False
    host.section.check()
    assert host.ui.exportButton.enabled

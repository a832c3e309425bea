"""Folders and studies in the subject hierarchy, with items that exist and items that do not."""

import numpy as np
import pytest

VOLUME = "vtkMRMLScalarVolumeNode"


@pytest.fixture
def tree(scene):
    import slicer

    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def place(*arguments):
    from mrbiomarkers.mrml.hierarchy import place_in_folder

    return place_in_folder(*arguments)


def path_of(tree, item):
    """Names from the top to an item."""
    names = []
    while item and item != tree.GetSceneItemID():
        names.insert(0, tree.GetItemName(item))
        item = tree.GetItemParent(item)
    return names


def volume(scene, name):
    return scene.AddNewNodeByClass(VOLUME, name)


@pytest.mark.parametrize(
    "automatic", [True, False], ids=["items exist, as in the desktop", "no items, as in the wheel"]
)
def test_results_come_into_a_folder_beside_their_source(scene, tree, automatic):
    from mrbiomarkers.mrml.hierarchy import place_in_study

    dwi, maps = volume(scene, "DWI"), [volume(scene, "D"), volume(scene, "f")]
    tree.CreateItem(place_in_study([], "Subject 1", "2026-11-25"), dwi)
    if automatic:
        for node in maps:
            tree.CreateItem(tree.GetSceneItemID(), node)

    folder = place(maps, dwi, "IVIM of DWI")

    assert tree.IsItemLevel(folder, "Folder")
    assert path_of(tree, tree.GetItemByDataNode(dwi)) == ["Subject 1", "2026-11-25", "DWI"]
    for node in maps:
        assert path_of(tree, tree.GetItemByDataNode(node)) == ["Subject 1", "2026-11-25", "IVIM of DWI", node.GetName()]
    assert tree.GetNumberOfItems() == 6  # patient, study, source, folder, two maps: none twice


def test_a_second_fit_has_a_folder_of_its_own(scene, tree):
    dwi = volume(scene, "DWI")
    tree.CreateItem(tree.GetSceneItemID(), dwi)
    fits = [[volume(scene, f"D {number}")] for number in range(3)]

    folders = [place(maps, dwi, "IVIM of DWI") for maps in fits]
    elsewhere = tree.CreateFolderItem(tree.GetSceneItemID(), "Other")
    tree.SetItemParent(tree.GetItemByDataNode(dwi), elsewhere)
    folders.append(place([volume(scene, "D 3")], dwi, "IVIM of DWI"))

    assert [path_of(tree, folder) for folder in folders] == [
        ["IVIM of DWI"],
        ["IVIM of DWI (2)"],
        ["IVIM of DWI (3)"],
        ["Other", "IVIM of DWI"],
    ]
    assert tree.GetItemDataNode(tree.GetItemByPositionUnderParent(folders[0], 0)) is fits[0][0]
    assert tree.GetNumberOfItemChildren(folders[0]) == 1


def test_a_sequence_stands_where_its_browser_shows_it(scene, tree):
    """The desktop program makes no item for a sequence, only for the volume that shows it."""
    import slicer

    from mrbiomarkers.mrml.hierarchy import place_in_study

    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "DWI")
    sequence.SetDataNodeAtValue(slicer.vtkMRMLScalarVolumeNode(), "0")
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    tree.CreateItem(place_in_study([], "Subject 1", "MR"), browser.GetProxyNode(sequence))

    folder = place([volume(scene, "D")], sequence, "IVIM of DWI")

    assert path_of(tree, folder) == ["Subject 1", "MR", "IVIM of DWI"]


@pytest.mark.parametrize("kind", [VOLUME, "vtkMRMLSequenceNode", None])
def test_without_a_place_the_folder_is_at_the_top(scene, tree, kind):
    source = scene.AddNewNodeByClass(kind, "DWI") if kind else None
    node = volume(scene, "D")

    place([node], source, "IVIM")

    assert path_of(tree, tree.GetItemByDataNode(node)) == ["IVIM", "D"]


def test_nodes_that_were_deleted_meanwhile_are_passed_over(scene, tree):
    dwi, kept, gone = (volume(scene, name) for name in ("DWI", "D", "f"))
    tree.CreateItem(tree.GetSceneItemID(), dwi)
    for node in (dwi, gone):
        scene.RemoveNode(node)

    folder = place([kept, gone, None], dwi, "IVIM of DWI")
    assert path_of(tree, tree.GetItemByDataNode(kept)) == ["IVIM of DWI", "D"]
    assert tree.GetNumberOfItemChildren(folder) == 1

    before = tree.GetNumberOfItems()
    assert place([gone], dwi, "IVIM of DWI") == 0
    assert place([], dwi, "IVIM of DWI") == 0
    assert tree.GetNumberOfItems() == before


def test_after_the_scene_was_closed_a_folder_can_be_made_again(scene):
    import slicer

    place([volume(scene, "D")], None, "IVIM")
    old = volume(scene, "DWI")
    scene.Clear(False)
    node = volume(scene, "D")

    folder = place([node], old, "IVIM")

    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    assert path_of(tree, folder) == ["IVIM"]


def test_an_error_leaves_no_folder(scene, tree, monkeypatch):
    from mrbiomarkers.mrml import hierarchy

    node = volume(scene, "D")
    before = tree.GetNumberOfItems()

    class Failing:
        def __getattr__(self, name):
            if name == "CreateItem":
                raise RuntimeError("stop")
            return getattr(tree, name)

    monkeypatch.setattr(hierarchy, "hierarchy_node", Failing)
    with pytest.raises(RuntimeError, match="stop"):
        place([node], None, "IVIM")

    assert tree.GetNumberOfItems() == before
    assert node.GetScene() is scene


def test_a_study_is_made_once_and_found_by_level_and_name(scene, tree):
    from mrbiomarkers.mrml.hierarchy import place_in_study

    tree.CreateFolderItem(tree.GetSceneItemID(), "Subject 1")  # a folder is no patient
    first = place_in_study([], "Subject 1", "baseline")
    again = place_in_study([], "Subject 1", "baseline")
    second = place_in_study([], "Subject 1", "follow-up")
    other = place_in_study([], "Subject 2", "baseline")

    assert first == again
    assert len({first, second, other}) == 3
    assert tree.GetItemParent(first) == tree.GetItemParent(second) != tree.GetItemParent(other)
    assert tree.GetItemLevel(first) == "Study"
    assert tree.GetItemLevel(tree.GetItemParent(first)) == "Patient"
    assert [path_of(tree, item) for item in (second, other)] == [["Subject 1", "follow-up"], ["Subject 2", "baseline"]]
    assert tree.GetNumberOfItems() == 6


def test_an_empty_folder_name_is_refused(scene, tree):
    before = tree.GetNumberOfItems()
    with pytest.raises(ValueError, match="folder_name: expected a name, got"):
        place([volume(scene, "D")], None, " ")
    assert tree.GetNumberOfItems() == before


def test_a_study_that_is_there_is_found_by_its_uid_whatever_its_name(scene, tree):
    from mrbiomarkers.mrml.hierarchy import place_in_study

    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), "imported by Slicer")
    known = tree.CreateStudyItem(patient, "MR spine")
    tree.SetItemUID(known, "DICOM", "1.2.3")
    node = volume(scene, "DWI")

    assert place_in_study([node], "S01", study_uid="1.2.3") == known
    assert tree.GetItemParent(tree.GetItemByDataNode(node)) == known
    other = place_in_study([], "S01", study_uid="1.2.4")
    assert other == place_in_study([], "S02", study_uid="1.2.4") != known
    assert path_of(tree, other) == ["S01", "MR study"]


def test_two_unknown_patients_never_share_an_item(scene, tree):
    from mrbiomarkers.mrml.hierarchy import place_in_study

    first, second = place_in_study([]), place_in_study([])

    assert tree.GetItemParent(first) != tree.GetItemParent(second)
    assert [path_of(tree, item) for item in (first, second)] == [["Subject", "MR study"], ["Subject (2)", "MR study"]]


def test_of_a_sequence_the_volume_that_shows_it_is_placed(scene, tree):
    from mrbiomarkers.mrml.hierarchy import place_in_study
    from mrbiomarkers.mrml.sequences_out import add_diffusion_sequence
    from mrbiomarkers.series import DiffusionSeries

    series = DiffusionSeries(np.ones((2, 3, 4, 2), np.float32), np.array([0.0, 50.0]), np.eye(4))
    node = add_diffusion_sequence(series, "DWI", browser=True)
    study = place_in_study([node], "S01")

    shown = scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode").GetProxyNode(node)
    assert tree.GetItemParent(tree.GetItemByDataNode(shown)) == study

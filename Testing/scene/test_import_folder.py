"""DICOM folders to sequences: numbers, index, geometry, the place in the subject hierarchy, and no patient."""

import numpy as np
import pytest

from mrbiomarkers.files.dicom_read import read_dicom_diffusion, read_dicom_echoes, study_of
from mrbiomarkers.series import combine
from Testing.support.dicom.datasets import PATIENT, uid
from Testing.support.dicom.faults import edit, truncate
from Testing.support.dicom.folders import add_foreign_files, anatomical, files_of, scatter
from Testing.support.dicom.ge import ge_diffusion, ge_real_imaginary
from Testing.support.dicom.siemens import siemens_csa, siemens_echoes, siemens_private

DICOM = "DICOM"


@pytest.fixture
def tree(scene):
    import slicer

    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def images_of(sequence):
    """Numbers (K, J, I, M), and the matrix to RAS, which is the same for all."""
    import slicer

    nodes = [sequence.GetNthDataNode(number) for number in range(sequence.GetNumberOfDataNodes())]
    matrices = [slicer.util.arrayFromVTKMatrix(matrix_of(node)) for node in nodes]
    for matrix in matrices:
        np.testing.assert_array_equal(matrix, matrices[0])
    return np.stack([slicer.util.arrayFromVolume(node) for node in nodes], axis=-1), matrices[0]


def matrix_of(node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix


def index_of(sequence):
    """Name and unit of the index, and its values."""
    values = [float(sequence.GetNthIndexValue(number)) for number in range(sequence.GetNumberOfDataNodes())]
    return (sequence.GetIndexName(), sequence.GetIndexUnit()), values


def shown(sequence):
    """The volume in which the browser shows a sequence."""
    import slicer

    (browser,) = (
        node
        for node in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
        if node.IsSynchronizedSequenceNode(sequence, True)
    )
    return browser.GetProxyNode(sequence)


def count(scene, tree):
    return scene.GetNumberOfNodes(), tree.GetNumberOfItems()


@pytest.mark.parametrize("start", ["ge_mr750", "philips_classic", "philips_ingenia", "siemens_skyra", "uih"])
def test_diffusion_of_the_manufacturers(ivim, tree, shared_data, start):
    (folder,) = (path for path in (shared_data / "dicom").iterdir() if path.name.startswith(start))
    read = read_dicom_diffusion(folder)
    series = combine(read.series)

    imported = ivim.importFolder(folder, subject="S1")
    node = imported.series["diffusion"]

    images, matrix = images_of(node)
    kind, values = index_of(node)
    assert kind == ("b", "s/mm2")
    np.testing.assert_allclose(values, series.bvalues, rtol=1e-9)
    np.testing.assert_array_equal(images, series.signal)
    np.testing.assert_allclose(matrix, series.affine, atol=1e-9)
    assert set(read.notes) <= set(imported.notes)
    assert len(imported.notes) == len(read.table) + len(read.notes)
    study = tree.GetItemByUID(DICOM, study_of(read.instances[0][0]))
    assert study
    assert tree.GetItemParent(tree.GetItemByDataNode(shown(node))) == study
    assert tree.GetItemName(tree.GetItemParent(study)) == "S1"


@pytest.mark.parametrize("start", ["siemens_prisma_gre_2echo_mag", "siemens_xa30_enh_gre"])
def test_echoes_of_the_manufacturer(ideal, tree, shared_data, start):
    (folder,) = (path for path in (shared_data / "dicom").iterdir() if path.name.startswith(start))
    read = read_dicom_echoes(folder)

    nodes = ideal.importFolder(folder, subject="S1").series

    assert list(nodes) == ["magnitude"]
    images, matrix = images_of(nodes["magnitude"])
    kind, values = index_of(nodes["magnitude"])
    assert kind == ("TE", "ms")
    np.testing.assert_allclose(values, 1e3 * read.series.echo_times, rtol=1e-9)
    np.testing.assert_array_equal(images, read.series.signal)
    np.testing.assert_allclose(matrix, read.series.affine, atol=1e-9)
    item = tree.GetItemByDataNode(shown(nodes["magnitude"]))
    assert tree.GetItemParent(item) == tree.GetItemByUID(DICOM, study_of(read.instances[0]))


def test_repeats_and_directions_are_combined(ivim, tmp_path):
    repeated, directed = siemens_csa(tmp_path / "a", repeats=2), siemens_private(tmp_path / "b")
    add_foreign_files(tmp_path / "a")
    images, matrix = images_of(ivim.importFolder(repeated.folder).series["diffusion"])
    np.testing.assert_allclose(images, (repeated.signal[..., :4] + repeated.signal[..., 4:]) / 2, rtol=1e-6)
    np.testing.assert_allclose(matrix, repeated.affine, atol=1e-6)

    node = ivim.importFolder(directed.folder).series["diffusion"]
    assert index_of(node) == (("b", "s/mm2"), [0.0, 500.0, 1000.0])
    images = images_of(node)[0]
    np.testing.assert_allclose(images[..., 1], np.sqrt(directed.signal[..., 1] * directed.signal[..., 2]), rtol=1e-6)
    np.testing.assert_allclose(images[..., [0, 2]], directed.signal[..., [0, 3]], rtol=1e-6)


@pytest.mark.parametrize("make", [siemens_echoes, ge_real_imaginary])
def test_complex_echoes(ideal, tmp_path, make):
    truth = make(tmp_path)
    nodes = ideal.importFolder(tmp_path).series
    (magnitude, matrix), (phase, other) = images_of(nodes["magnitude"]), images_of(nodes["phase"])
    np.testing.assert_allclose(magnitude * np.exp(1j * phase), truth.signal, atol=1e-5 * np.abs(truth.signal).max())
    for found in (matrix, other):
        np.testing.assert_allclose(found, truth.affine, atol=1e-6)
    assert index_of(nodes["magnitude"]) == index_of(nodes["phase"])
    kind, values = index_of(nodes["phase"])
    assert kind == ("TE", "ms")
    np.testing.assert_allclose(values, 1e3 * truth.echo_times)
    assert nodes["phase"].GetAttribute("MRBiomarkers.Unit") == "rad"
    assert float(nodes["magnitude"].GetAttribute("MRBiomarkers.FieldStrength")) == 3.0
    assert shown(nodes["magnitude"]) is not shown(nodes["phase"])


def test_what_is_given_goes_before_the_headers(ivim, ideal, tmp_path):
    siemens_csa(tmp_path / "a")
    siemens_echoes(tmp_path / "b")
    node = ivim.importFolder(tmp_path / "a", bvalues=[0, 60, 410, 820]).series["diffusion"]
    assert index_of(node)[1] == [0.0, 60.0, 410.0, 820.0]
    nodes = ideal.importFolder(tmp_path / "b", fieldStrength=1.5).series
    assert float(nodes["phase"].GetAttribute("MRBiomarkers.FieldStrength")) == 1.5


def test_what_is_imported_lies_under_the_study_that_is_there(ivim, ideal, tree, tmp_path):
    """As where Slicer has loaded another series of the same study from its database."""
    siemens_csa(tmp_path / "a")
    siemens_echoes(tmp_path / "b")
    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), "Known")
    study = tree.CreateStudyItem(patient, "MR lumbar spine")
    tree.SetItemUID(study, DICOM, uid("study"))

    nodes = {**ivim.importFolder(tmp_path / "a", subject="S1").series, **ideal.importFolder(tmp_path / "b").series}

    assert list(nodes) == ["diffusion", "magnitude", "phase"]
    for node in nodes.values():
        assert tree.GetItemParent(tree.GetItemByDataNode(shown(node))) == study
    assert tree.GetNumberOfItems() == 5  # patient, study, three volumes: nothing else was made


def test_a_study_of_its_own_is_found_by_its_uid_the_next_time(ivim, ideal, tree, tmp_path):
    siemens_csa(tmp_path / "a")
    siemens_echoes(tmp_path / "b")
    ivim.importFolder(tmp_path / "a", subject="S1")
    study = tree.GetItemByUID(DICOM, uid("study"))
    assert tree.IsItemLevel(study, "Study")
    assert tree.GetItemName(tree.GetItemParent(study)) == "S1"
    node = ideal.importFolder(tmp_path / "b", subject="S1").series["phase"]
    assert tree.GetItemByUID(DICOM, uid("study")) == study
    assert tree.GetItemParent(tree.GetItemByDataNode(shown(node))) == study


def test_nothing_of_the_patient_is_in_the_scene(ivim, ideal, tree, scene, tmp_path):
    truth = siemens_csa(tmp_path / "DOE^JANE")
    siemens_echoes(tmp_path / "MRN-0815-4711")
    nodes = {
        **ivim.importFolder(truth.folder, subject="S1").series,
        **ideal.importFolder(tmp_path / "MRN-0815-4711", subject="S1").series,
    }
    texts = [xml_of(scene), *(xml_of(node.GetSequenceScene()) for node in nodes.values())]
    assert uid("study") in texts[0]  # the place is known by it
    assert all("vtkMRMLScalarVolume" in text or "ScalarVolume" in text for text in texts)
    words = [word for value in PATIENT.values() for word in (value, *value.split("^"))]
    words += ["20260102", "ep2d_diff_3scan_trace", "gre_multi_echo", str(tmp_path)]
    assert {word for word in words for text in texts if word in text} == set()


def xml_of(scene):
    scene.SetSaveToXMLString(1)
    scene.Commit()
    scene.SetSaveToXMLString(0)
    return scene.GetSceneXMLString()


def test_the_name_is_the_number_of_the_series(ivim, tmp_path):
    siemens_csa(tmp_path)
    assert [ivim.importFolder(tmp_path).series["diffusion"].GetName() for _ in range(2)] == ["DWI 5", "DWI 5_1"]


@pytest.mark.parametrize("make", [None, "empty", "anatomical", "truncated", "file"])
@pytest.mark.parametrize("module", ["ivim", "ideal"])
def test_a_bad_folder_leaves_the_scene_as_it_was(request, scene, tree, tmp_path, make, module):
    logic = request.getfixturevalue(module)
    folder = tmp_path / "folder"
    if make is not None:
        folder.mkdir()
    if make == "anatomical":
        anatomical(folder)
    elif make == "truncated":
        (siemens_csa if module == "ivim" else siemens_echoes)(folder)
        truncate(files_of(folder)[3], 0.5)
    elif make == "file":
        add_foreign_files(folder)
    before = count(scene, tree)
    words = {None: "folder", "empty": "DICOM", "anatomical": "T1|echo|b-value", "truncated": "IM0004", "file": "DICOM"}
    with pytest.raises((FileNotFoundError, ValueError), match=words[make]):
        logic.importFolder(folder, subject="S1")
    assert count(scene, tree) == before


def test_several_diffusion_series_are_named_and_one_is_chosen(ivim, scene, tree, tmp_path):
    first, second = siemens_csa(tmp_path / "a"), ge_diffusion(tmp_path / "b")
    for path in files_of(second.folder):
        edit(path, lambda ds: setattr(ds, "SeriesNumber", 9))
    heap = scatter(tmp_path / "heap", first.folder, second.folder)
    before = count(scene, tree)
    with pytest.raises(ValueError, match="expected one diffusion series, got 2") as caught:
        ivim.importFolder(heap)
    for truth, number in ((first, 5), (second, 9)):
        assert truth.uids[0] in str(caught.value)
        assert f"series {number}" in str(caught.value)
    with pytest.raises(ValueError, match="7"):
        ivim.importFolder(heap, series=7)
    assert count(scene, tree) == before
    for choice, truth in ((5, first), (second.uids[0], second), (9, second)):
        node = ivim.importFolder(heap, series=choice).series["diffusion"]
        np.testing.assert_allclose(images_of(node)[0], truth.signal, rtol=1e-6)
        assert index_of(node)[1] == truth.bvalues.tolist()


def test_echoes_of_the_series_that_are_named(ideal, scene, tree, tmp_path):
    truth = siemens_echoes(tmp_path / "a")
    siemens_echoes(tmp_path / "b")
    for path in files_of(tmp_path / "b"):
        edit(path, as_another_series)
    before = count(scene, tree)
    with pytest.raises(ValueError, match="got some of several series") as caught:
        ideal.importFolder(tmp_path)
    assert all(word in str(caught.value) for word in (*truth.uids, "series 2", "series 12"))
    assert count(scene, tree) == before
    for choice in ([2, 3], list(truth.uids), [12, 13]):
        nodes = ideal.importFolder(tmp_path, series=choice).series
        magnitude, phase = (images_of(nodes[part])[0] for part in ("magnitude", "phase"))
        np.testing.assert_allclose(magnitude * np.exp(1j * phase), truth.signal, atol=1e-3)
    assert list(ideal.importFolder(tmp_path, series=12).series) == ["magnitude"]


def as_another_series(ds):
    ds.SeriesInstanceUID, ds.SOPInstanceUID = f"{ds.SeriesInstanceUID}"[:60] + ".7", uid("copy", ds.SOPInstanceUID)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.SeriesNumber += 10

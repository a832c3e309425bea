"""The logic classes on real nodes: they make what the package computes, and errors leave the scene alone."""

from dataclasses import replace

import numpy as np
import pytest

from Testing.support.scene_nodes import node_ids

LEVELS = ["L1", "L2", "L3", "L4", "L5"]


@pytest.fixture(scope="module")
def spine():
    from mrbiomarkers.phantom import lumbar_diffusion

    return lumbar_diffusion(shape=(6, 64, 64), snr=40.0)


@pytest.fixture
def dwi(scene, spine):
    from mrbiomarkers.mrml import add_diffusion_sequence

    return add_diffusion_sequence(spine.series, "DWI")


@pytest.fixture
def regions(scene, spine):
    from mrbiomarkers.mrml import add_segmentation

    return add_segmentation("reader A", spine.regions, spine.series.affine)


def test_maps_are_those_of_the_package_bit_for_bit(ivim, dwi, spine):
    import slicer

    from mrbiomarkers.jobs import run_diffusion
    from mrbiomarkers.maps import to_reported
    from mrbiomarkers.mrml import affine_of_node
    from mrbiomarkers.settings import DiffusionSettings

    settings = DiffusionSettings(models=("adc", "ivim", "stretched", "kurtosis"), errors=True)
    found = ivim.fit(dwi, settings=settings).maps
    expected = run_diffusion(spine.series, settings=settings).maps

    assert list(found) == list(expected)
    for name, node in found.items():
        values = slicer.util.arrayFromVolume(node)
        assert values.tobytes() == to_reported(expected[name]).values.tobytes(), name
        np.testing.assert_array_equal(affine_of_node(node), spine.series.affine)


def test_measured_rows_are_those_of_the_package(ivim, dwi, regions, spine):
    from mrbiomarkers.jobs import run_diffusion
    from mrbiomarkers.measurements import measurements_to_csv
    from mrbiomarkers.mrml import measurements_of
    from mrbiomarkers.settings import DiffusionSettings, MeasureSettings

    settings, identity = DiffusionSettings(models=("ivim",)), MeasureSettings(subject="S01", timepoint="t0")
    maps = ivim.fit(dwi, settings=settings).maps
    measured = ivim.measure(maps, regions, series=dwi, settings=settings, identity=identity)
    expected = run_diffusion(spine.series, spine.regions, settings=settings, identity=identity).rows

    def lines(rows):
        return sorted(measurements_to_csv(rows).splitlines())

    assert lines(measurements_of(measured.table)) == lines(expected)
    assert list(measured.charts) == LEVELS


def test_a_list_of_volumes_is_measured_with_its_bvalues_given_again(ivim, regions, spine):
    import slicer

    from mrbiomarkers.mrml import measurements_of
    from mrbiomarkers.settings import DiffusionSettings

    signal, bvalues = spine.series.signal, spine.series.bvalues.tolist()
    volumes = [
        slicer.util.addVolumeFromArray(signal[..., number].copy(), ijkToRAS=spine.series.affine)
        for number in range(len(bvalues))
    ]
    settings = DiffusionSettings(models=("adc",))
    given = {"series": volumes, "bvalues": bvalues}
    measured = ivim.measure(ivim.fit(**given, settings=settings).maps, regions, series=given, settings=settings)

    fits = {row.region: row.value for row in measurements_of(measured.table) if row.method == "fit of mean signal"}
    assert list(fits) == LEVELS
    with pytest.raises(ValueError, match="arguments of fit, got echoTimes"):
        ivim.measure({}, regions, series={**given, "echoTimes": []})


def test_a_region_drawn_on_diffusion_is_measured_on_a_fat_fraction_of_another_grid(ideal, regions, scene):
    import slicer

    from mrbiomarkers.mrml import add_echo_sequences, affine_of_node, drawn_regions, measurements_of
    from mrbiomarkers.phantom import lumbar_fat_water

    phantom = lumbar_fat_water(shape=(8, 82, 82))  # the same spine on a grid without ties

    nodes = add_echo_sequences(phantom.series, "Echoes")
    pdff = ideal.fit(**nodes).maps["PDFF"]
    rows = {row.region: row for row in measurements_of(ideal.measure([pdff], regions).table)}
    values, to_ijk = slicer.util.arrayFromVolume(pdff), np.linalg.inv(affine_of_node(pdff))

    for name, region in drawn_regions(regions).items():
        inside = nearest(region, values.shape, np.linalg.inv(to_ijk))
        assert rows[name].n_voxels == inside.sum() > 0
        assert rows[name].value == pytest.approx(np.nanmean(values[inside].astype(float)), rel=1e-12)


def nearest(region, shape, affine):
    """The region on another grid, voxel by voxel: inside where the nearest voxel of its own grid is."""
    k, j, i = np.meshgrid(*(np.arange(length) for length in shape), indexing="ij")
    ras = np.stack([i, j, k, np.ones_like(i)], axis=-1) @ affine.T
    index = np.floor((ras @ np.linalg.inv(region.affine).T)[..., :3] + 0.5).astype(int)[..., ::-1]
    within = np.all((index >= 0) & (index < region.mask.shape), axis=-1)
    found = np.zeros(shape, bool)
    found[within] = region.mask[tuple(index[within].T)]
    return found


def test_two_readers_their_mean_and_their_agreement(ivim, dwi, regions, spine):
    from mrbiomarkers.agreement import icc
    from mrbiomarkers.mrml import add_segmentation, measurements_of
    from mrbiomarkers.settings import DiffusionSettings

    moved = {name: np.roll(mask, 1, axis=1) for name, mask in spine.regions.items()}
    other = add_segmentation("reader B", moved, spine.series.affine)
    maps = ivim.fit(dwi, settings=DiffusionSettings(models=("adc",))).maps
    measured = ivim.measure({"ADC": maps["ADC"]}, {"A": regions, "B": other}, meanOf=LEVELS)
    rows = measurements_of(measured.table)
    value = {(row.reader, row.region): row.value for row in rows}
    ratings = np.array([[value["A", level], value["B", level]] for level in LEVELS])

    assert {row.reader for row in rows} == {"A", "B", "mean"}
    assert value["mean", "L3"] == pytest.approx(ratings[2].mean())
    agreed = ivim.agreement(measured.table, "A", "B", regions=LEVELS, kind="3,1")
    assert float(agreed.table.GetCellText(0, agreed.table.GetColumnIndex("icc"))) == pytest.approx(
        float(icc(ratings, "3,1").value), rel=1e-5
    )
    assert list(agreed.charts) == ["ADC, adc, mean of map"]


def test_a_saved_scene_gives_the_same_numbers(ivim, dwi, regions, scene, tmp_path):
    import slicer

    from mrbiomarkers.measurements import measurements_to_csv
    from mrbiomarkers.mrml import measurements_of
    from mrbiomarkers.settings import DiffusionSettings
    from Testing.support import slicer_core

    maps = ivim.fit(dwi, settings=DiffusionSettings(models=("ivim",))).maps
    names = [node.GetName() for node in maps.values()]
    before = measurements_to_csv(measurements_of(ivim.measure(maps, regions).table))
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    slicer_core.start().ReadFromMRB(str(tmp_path / "scene.mrb"))
    loaded = [slicer.mrmlScene.GetFirstNodeByName(name) for name in names]
    segmentation = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSegmentationNode")
    table = slicer.mrmlScene.GetFirstNodeByName("Measurements of reader A")

    assert measurements_to_csv(measurements_of(table)) == before
    again = measurements_of(ivim.measure(loaded, segmentation).table)
    for row, old in zip(again, measurements_of(table), strict=True):
        # The sizes of voxels pass through the text of a file header.
        assert row.area_mm2 == pytest.approx(old.area_mm2, rel=1e-12)
        assert row.volume_mm3 == pytest.approx(old.volume_mm3, rel=1e-12)
        assert replace(row, area_mm2=0.0, volume_mm3=0.0) == replace(old, area_mm2=0.0, volume_mm3=0.0)


def test_a_map_of_a_scanner_is_adopted_only_with_a_confirmed_scale(ideal, scene):
    import slicer

    from mrbiomarkers.mrml import parameter_map

    rng = np.random.default_rng(0)
    stored = np.concatenate([rng.normal(60, 20, 5000), rng.normal(940, 20, 5000)]).clip(1, 1000)
    stored = stored.astype(np.float32).reshape(10, 20, 50)
    volume = slicer.util.addVolumeFromArray(stored, name="FatFrac")
    before = node_ids()
    with pytest.raises(ValueError, match="permille"):
        ideal.adoptMap(volume, "PDFF")
    assert node_ids() == before

    node = ideal.adoptMap(volume, "PDFF", "permille").maps["PDFF"]
    np.testing.assert_allclose(parameter_map(node).values, stored / 10, rtol=1e-6)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume), stored)
    assert volume.GetAttribute("MRBiomarkers.Quantity") is None


def test_selection_makes_a_label_map_that_names_the_models(ivim, dwi):
    import slicer

    from mrbiomarkers.settings import DiffusionSettings

    found = ivim.fit(dwi, settings=DiffusionSettings(models=("adc", "ivim"), selection=True)).maps
    node = found["best_model"]
    colours = node.GetDisplayNode().GetColorNode()

    assert node.IsA("vtkMRMLLabelMapVolumeNode")
    assert [colours.GetColorName(number) for number in range(3)] == ["not compared", "Mono-exponential", "IVIM"]
    assert set(np.unique(slicer.util.arrayFromVolume(node))) <= {0, 1, 2}
    assert {"R2_adc", "R2_ivim"} <= set(found)


@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_cancelled_fit_leaves_the_scene_as_it_was(ivim, dwi, scene, when):
    before = node_ids()
    with pytest.raises(InterruptedError):
        ivim.fit(dwi, progress=lambda done, total: when == "later" and done < total / 2)
    assert node_ids() == before


def test_a_series_that_leaves_the_scene_during_the_fit_gives_no_map(ivim, dwi, scene):
    before = node_ids()

    def remove(done, total):
        if dwi.GetScene() is not None:
            scene.RemoveNode(dwi)
        return True

    with pytest.raises(InterruptedError, match="taken out of the scene"):
        ivim.fit(dwi, progress=remove)
    assert node_ids() < before


def test_regions_deleted_before_they_are_measured_are_named(ivim, dwi, regions, scene):
    from mrbiomarkers.settings import DiffusionSettings

    maps = ivim.fit(dwi, settings=DiffusionSettings(models=("adc",))).maps
    scene.RemoveNode(regions)
    with pytest.raises(ValueError, match=r"reader A.*removed"):
        ivim.measure(maps, regions)


def faults(ivim, dwi, regions, scene):
    import slicer

    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    volume = slicer.util.addVolumeFromArray(np.ones((2, 3, 4), np.float32), name="one")
    away = slicer.util.addVolumeFromArray(np.ones((2, 3, 4), np.float32), ijkToRAS=np.diag([1.0, 1, 1, 1]), name="away")
    away.SetOrigin(5000, 5000, 5000)
    fat = ivim.adoptMap(away, "PDFF", "%").maps["PDFF"]
    empty = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
    empty.GetSegmentation().AddEmptySegment("", "L1")
    points = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "no points")
    under = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "under")
    under.SetAndObserveTransformNodeID(transform.GetID())
    return {
        "a volume in place of a series": (lambda: ivim.fit(volume), ValueError, "b-value"),
        "a table in place of a series": (lambda: ivim.fit(transform), TypeError, "moved"),
        "nothing": (lambda: ivim.fit(None), TypeError, "nothing"),
        "wrong number of b-values": (lambda: ivim.fit(dwi, bvalues=[0, 50]), ValueError, "b-values|bvalues"),
        "a map far from the regions": (lambda: ivim.measure([fat], regions), ValueError, "L1.*PDFF"),
        "no map": (lambda: ivim.measure([], regions), ValueError, "maps"),
        "an empty segment": (lambda: ivim.measure([fat], empty), ValueError, "L1"),
        "a segmentation under a transform": (lambda: ivim.measure([fat], under), ValueError, "transform"),
        "a plain volume as map": (lambda: ivim.measure([volume], regions), ValueError, "one"),
        "no point": (lambda: ivim.placeVertebrae(points, dwi), ValueError, "point"),
        "points of another kind": (lambda: ivim.placeVertebrae(volume, dwi), TypeError, "points"),
        "a table of something else": (
            lambda: ivim.agreement(scene.GetFirstNodeByClass("vtkMRMLTableNode"), "A", "B"),
            TypeError,
            "table",
        ),
    }


def test_bad_input_is_named_and_leaves_the_scene_as_it_was(ivim, dwi, regions, scene):
    cases = faults(ivim, dwi, regions, scene)
    before = node_ids()
    for what, (call, kind, words) in cases.items():
        with pytest.raises(kind, match=words):
            call()
        assert node_ids() == before, what


def test_bvalues_that_are_left_out_are_not_fitted_and_are_named(ivim, dwi, regions, spine):
    import json

    from mrbiomarkers.jobs import run_diffusion
    from mrbiomarkers.mrml import measurements_of
    from mrbiomarkers.series import exclude
    from mrbiomarkers.settings import DiffusionSettings

    settings = DiffusionSettings(models=("ivim",))
    fitted = ivim.fit(dwi, exclude=[10, 1200], settings=settings)
    given = {"series": dwi, "exclude": [10, 1200]}
    measured = ivim.measure(fitted.maps, regions, series=given, settings=settings)
    expected = run_diffusion(exclude(spine.series, [10, 1200]), spine.regions, settings=settings).rows

    record = json.loads(fitted.maps["D"].GetAttribute("MRBiomarkers.Provenance"))
    assert record["excluded_bvalues"] == [10, 1200]
    assert not {10, 1200} & set(record["bvalues"])
    values = {(row.region, row.quantity, row.method): row.value for row in measurements_of(measured.table)}
    assert values == pytest.approx({(row.region, row.quantity, row.method): row.value for row in expected}, nan_ok=True)
    assert measured.charts["L3"].GetTitle().endswith(", without b 10, 1200")
    whole = ivim.measure(fitted.maps, regions, series=dwi, settings=settings)
    assert "without" not in whole.charts["L3"].GetTitle()


@pytest.mark.parametrize(
    ("unwanted", "words"), [([77], "got 77"), ([0, 10, 25, 50, 100, 200, 400, 600, 800, 1000], "two")]
)
def test_what_cannot_be_left_out_is_said(ivim, dwi, unwanted, words):
    before = node_ids()
    with pytest.raises(ValueError, match=words):
        ivim.fit(dwi, exclude=unwanted)
    assert node_ids() == before


def test_edited_bvalues_are_told_from_those_of_the_series(ivim, dwi, spine):
    given = spine.series.bvalues.copy()
    given[3] = 55
    read = ivim.readSeries(dwi, bvalues=given.tolist(), exclude=[0])

    assert read.source[2] == "caller, edited (was 50)"
    assert len({one for number, one in enumerate(read.source) if number != 2}) == 1
    assert "caller" not in read.source[0]
    assert read.left_out == (0,)


def test_a_threshold_of_the_segmented_fit_is_that_of_the_package(ivim, dwi, spine):
    import slicer

    from mrbiomarkers.diffusion import fit_ivim
    from mrbiomarkers.settings import DiffusionSettings

    settings = DiffusionSettings(models=("ivim",), method="segmented", threshold=400)
    found = slicer.util.arrayFromVolume(ivim.fit(dwi, settings=settings).maps["D"])
    wanted = fit_ivim(spine.series.signal, spine.series.bvalues, method="segmented", threshold=400)
    usual = fit_ivim(spine.series.signal, spine.series.bvalues, method="segmented")

    np.testing.assert_allclose(found, 1e3 * wanted.D, rtol=1e-5)
    assert np.nanmax(np.abs(wanted.D - usual.D)) > 1e-5

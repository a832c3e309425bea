"""A map over the images as slice views draw it: blended, one legend, regions as outlines, a region in the middle."""

import os
import sys

import numpy as np
import pytest

from mrbiomarkers.maps import ParameterMap
from mrbiomarkers.quantities import quantity
from Testing.support.volumes import oblique_affine

SHAPE = (10, 12, 14)
AFFINE = oblique_affine((3.0, 2.5, 4.0))
SIZE = (240, 200)


@pytest.fixture
def view(scene):
    """An empty view. Without a driver: skipped in view, but on Linux in continuous integration one can be installed."""
    from Testing.support.slice_view import NoDriverError, SliceView

    try:
        made = SliceView(SIZE)
    except NoDriverError as error:
        if os.environ.get("CI") and sys.platform.startswith("linux"):
            pytest.fail(f"expected {error}")
        pytest.skip(f"needs {error}")
    yield made
    made.close()


def image(value):
    """A volume of one grey, out of 255."""
    import slicer

    from mrbiomarkers.mrml.geometry import image_of, matrix_of

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Image")
    node.SetIJKToRASMatrix(matrix_of(AFFINE))
    node.SetAndObserveImageData(image_of(np.full(SHAPE, value, np.float32)))
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetAutoWindowLevel(False)
    node.GetDisplayNode().SetWindowLevelMinMax(0, 255)
    return node


def a_map(key, value):
    from mrbiomarkers.mrml import add_maps

    known = quantity(key)
    values = np.full(SHAPE, value / known.scale, np.float32)
    return add_maps({key: ParameterMap(values, known, known.unit, AFFINE)})[key]


def drawn(*spots):
    from mrbiomarkers.mrml import add_segmentation, display_regions

    masks = {}
    for number, (k, j, i) in enumerate(spots, start=1):
        mask = masks[f"L{number}"] = np.zeros(SHAPE, bool)
        mask[k - 1 : k + 2, j - 2 : j + 3, i - 1 : i + 2] = True
    node = add_segmentation("Regions", masks, AFFINE)
    display_regions(node)
    return node


def ras(*kji):
    return (AFFINE @ [*kji[::-1], 1])[:3]


def grey_at(view, *kji):
    return view.picture()[view.pixel(ras(*kji))].tolist()


def test_a_map_is_blended_over_the_image_and_taken_away_again(view):
    """D = 1 of 0 to 2 is grey 127.5 here: the program without desktop has no colours of its own for D."""
    from mrbiomarkers.mrml.views import show_overlay

    background, node = image(64), a_map("D", 1.0)
    view.show(background, orientation="Axial", at=ras(5, 6, 7))
    show_overlay(node, opacity=0.25, legend=False)
    assert grey_at(view, 5, 6, 7) == pytest.approx([0.75 * 64 + 0.25 * 127.5] * 3, abs=1)
    show_overlay(node, opacity=1.0, legend=False)
    assert grey_at(view, 5, 6, 7) == pytest.approx([127.5] * 3, abs=1)
    show_overlay(None)
    assert grey_at(view, 5, 6, 7) == [64] * 3


def test_an_image_is_put_below_only_where_none_is_shown(view):
    from mrbiomarkers.mrml.views import show_overlay

    below, own, node = image(64), image(200), a_map("D", 1.0)
    view.show(own, orientation="Axial", at=ras(5, 6, 7))
    layers = view.logic.GetSliceCompositeNode()
    show_overlay(node, opacity=0.0, background=below)
    assert layers.GetBackgroundVolumeID() == own.GetID()
    layers.SetBackgroundVolumeID(None)
    show_overlay(node, background=below)
    assert layers.GetBackgroundVolumeID() == below.GetID()


def test_one_legend_is_drawn_and_it_goes_with_the_map(view):
    from mrbiomarkers.mrml.views import show_overlay

    background, first, second = image(0), a_map("D", 0.0), a_map("f", 0.0)
    view.show(background, orientation="Axial", at=ras(5, 6, 7))
    without = view.picture()
    pictures = []
    for node in (first, second, first):
        show_overlay(node)
        pictures.append(view.picture())
    assert (pictures[0] != without).any()
    assert (pictures[0] != pictures[1]).any()
    np.testing.assert_array_equal(pictures[2], pictures[0])
    show_overlay(None)
    np.testing.assert_array_equal(view.picture(), without)


def test_regions_without_fill_are_outlines(view):
    from mrbiomarkers.mrml import display_regions

    view.show(image(64), orientation="Axial", at=ras(5, 6, 7))
    node = drawn((5, 6, 7))
    assert grey_at(view, 5, 6, 7) != [64] * 3
    display_regions(node, fill=False)
    assert grey_at(view, 5, 6, 7) == [64] * 3
    assert (view.picture() != 64).any()


def test_a_jump_puts_the_region_into_the_middle_of_the_view(view):
    from mrbiomarkers.mrml.views import jump_to_region

    view.show(image(64), orientation="Axial", at=ras(5, 6, 7))
    node = drawn((2, 3, 4), (7, 8, 10))
    node.GetDisplayNode().SetVisibility2DOutline(False)
    for region, spot in (("L1", (2, 3, 4)), ("L2", (7, 8, 10))):
        jump_to_region(node, region)
        assert view.pixel(ras(*spot)) == pytest.approx((SIZE[1] / 2, SIZE[0] / 2), abs=20)  # a voxel has 10 to 16
        rows, columns = np.nonzero((view.picture() != 64).any(axis=-1) & (view.picture() != 0).any(axis=-1))
        assert (rows.mean(), columns.mean()) == pytest.approx((SIZE[1] / 2, SIZE[0] / 2), abs=20)


def test_bad_input_is_told_and_changes_no_view(view):
    from mrbiomarkers.mrml.views import jump_to_region, show_overlay

    background = image(64)
    view.show(background, orientation="Axial", at=ras(5, 6, 7))
    node, layers = drawn((5, 6, 7)), view.logic.GetSliceCompositeNode()
    with pytest.raises(ValueError, match="expected a parameter map, got 'Image"):
        show_overlay(background)
    with pytest.raises(TypeError, match="map_node: expected a node of kind ScalarVolume"):
        show_overlay(node)
    assert layers.GetForegroundVolumeID() is None
    content = node.GetSegmentation()
    content.AddEmptySegment("", "L2")
    for name, message in (("L2", "'L2' of 'Regions', which is empty"), ("L9", "got 'L9', which it does not have")):
        with pytest.raises(ValueError, match=message):
            jump_to_region(node, name)
    with pytest.raises(TypeError, match="segmentation: expected"):
        jump_to_region(background, "L1")


def test_a_sequence_is_shown_by_its_proxy(scene):
    from mrbiomarkers.mrml import add_diffusion_sequence
    from mrbiomarkers.mrml.views import shown_volume
    from mrbiomarkers.phantom import lumbar_diffusion

    series = lumbar_diffusion(shape=(4, 32, 32), bvalues=(0.0, 50.0)).series
    plain, browsed = add_diffusion_sequence(series, "plain"), add_diffusion_sequence(series, "seen", browser=True)
    proxy = shown_volume(browsed)

    assert (shown_volume(None), shown_volume(plain)) == (None, None)
    assert proxy.IsA("vtkMRMLScalarVolumeNode")
    assert proxy.GetName().startswith("seen")
    assert shown_volume(proxy) is proxy

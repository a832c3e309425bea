"""The whole way through the logic classes on real nodes: simulate, fit, place, measure, save, load, cancel, refuse."""
# ruff: noqa: PT009, PT027 - unittest's own checks: Slicer does not bundle pytest

import time

import numpy as np
import slicer
import vtk
from launched_case import LaunchedCase, array_of, names_of, node_ids, rows_of, scene_node


class LogicTests:
    """The tests of both modules; a class below names the module."""

    module = ""

    def test_maps_equal_the_kernel_bit_for_bit(self):
        subject = self.subject(self.module)
        nodes, expected = subject.fit().maps, subject.kernel_maps()

        self.assertEqual(set(nodes), set(expected))
        for name, node in nodes.items():
            np.testing.assert_array_equal(array_of(node), expected[name], err_msg=name)
            self.assertTrue(np.isfinite(expected[name]).any(), name)

    def test_maps_lie_where_the_series_lies(self):
        subject = self.subject(self.module)
        image = subject.inputs[0].GetNthDataNode(0)
        before, after = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
        image.GetIJKToRASMatrix(before)
        for name, node in subject.fit().maps.items():
            node.GetIJKToRASMatrix(after)
            self.assertEqual(
                [before.GetElement(row, column) for row in range(4) for column in range(4)],
                [after.GetElement(row, column) for row in range(4) for column in range(4)],
                name,
            )

    def test_regions_measured_are_near_the_truth(self):
        tolerance = {"D": 0.08, "PDFF": 1.5}  # 10^-3 mm2/s; %: coarse voxels, whose edges mix tissues
        subject = self.subject(self.module)
        measured = subject.measure(subject.fit().maps, subject.place())
        values = {
            row[0]: row[4] for row in rows_of(measured.table) if row[1] == subject.quantity and "mean of" in row[3]
        }
        truth = subject.truth()

        self.assertEqual(sorted(values), ["L1", "L2", "L3", "L4", "L5"])
        for level, value in values.items():
            self.assertAlmostEqual(value, truth[level], delta=tolerance[subject.quantity], msg=level)

    def test_a_saved_scene_measures_the_same(self):
        subject = self.subject(self.module)
        fitted, regions = subject.fit(), subject.place()
        before = rows_of(subject.logic.measure(fitted.maps, regions).table)
        names, region_name = {name: node.GetName() for name, node in fitted.maps.items()}, regions.GetName()
        file = self.folder / f"{subject.module}.mrb"
        self.assertTrue(slicer.util.saveScene(str(file)))
        slicer.mrmlScene.Clear()
        self.assertEqual(names_of("vtkMRMLSegmentationNode"), [])
        slicer.util.loadScene(str(file))
        maps = {name: scene_node(node_name) for name, node_name in names.items()}
        after = rows_of(subject.logic.measure(maps, scene_node(region_name)).table)

        self.assertGreater(len(before), 0)
        np.testing.assert_equal(after, before)

    def test_a_cancelled_fit_leaves_the_scene_as_it_was(self):
        subject = self.subject(self.module)
        before, calls = node_ids(), []

        def cancel(done, total, calls=calls):
            calls.append(time.monotonic())
            return False

        with self.assertRaises(InterruptedError):
            subject.fit(progress=cancel)

        self.assertEqual(len(calls), 1)
        self.assertLess(time.monotonic() - calls[0], 1.0)
        self.assertEqual(node_ids(), before)

    def test_a_second_fit_leaves_the_first_as_it_was(self):
        subject = self.subject(self.module)
        first = subject.fit().maps
        kept = {name: array_of(node) for name, node in first.items()}
        second = subject.fit().maps

        for name, node in first.items():
            self.assertIsNot(node, second[name])
            self.assertNotEqual(node.GetName(), second[name].GetName())
            np.testing.assert_array_equal(array_of(node), kept[name])

    def test_what_cannot_be_used_is_refused_and_nothing_is_added(self):
        subject = self.subject(self.module)
        maps, regions = subject.fit().maps, subject.place()
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "no map")
        slicer.util.updateVolumeFromArray(volume, np.ones((2, 3, 4)))
        empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "empty")
        empty.GetSegmentation().AddEmptySegment("L1", "L1")
        before = node_ids()

        for kind, call in {
            "a node that is no map": lambda: subject.logic.measure([volume], regions),
            "no node": lambda: subject.logic.measure([None], regions),
            "an empty segment": lambda: subject.logic.measure(maps, empty),
            "a volume as regions": lambda: subject.logic.measure(maps, volume),
            "a volume as points": lambda: subject.logic.placeVertebrae(volume, subject.inputs[0]),
            "points as an image": lambda: subject.logic.placeVertebrae(
                subject.sample["points"], subject.sample["points"]
            ),
        }.items():
            with self.subTest(module=subject.module, kind=kind), self.assertRaises((TypeError, ValueError)):
                call()
            self.assertEqual(node_ids(), before, kind)

    def test_a_map_under_a_transform_is_refused(self):
        subject = self.subject(self.module)
        maps, regions = subject.fit().maps, subject.place()
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
        next(iter(maps.values())).SetAndObserveTransformNodeID(transform.GetID())
        before = node_ids()

        with self.assertRaisesRegex(ValueError, "transform"):
            subject.logic.measure(maps, regions)
        self.assertEqual(node_ids(), before)

    def test_two_readers_are_compared(self):
        subject = self.subject(self.module)
        maps, first = subject.fit().maps, subject.place()
        second = subject.logic.placeVertebrae(subject.sample["points"], subject.inputs[0]).segmentation
        both = subject.logic.measure(maps, {"A": first, "B": second})
        found = subject.logic.agreement(both.table, "A", "B")

        self.assertEqual(found.table.GetClassName(), "vtkMRMLTableNode")
        self.assertGreater(found.table.GetNumberOfRows(), 0)
        self.assertGreater(len(found.charts), 0)


class DiffusionLogicCase(LogicTests, LaunchedCase):
    module = "IVIMBoneMarrow"


class FatWaterLogicCase(LogicTests, LaunchedCase):
    module = "IDEALFatQuant"

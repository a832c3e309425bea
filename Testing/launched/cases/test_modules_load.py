"""Both modules load, and their panels are what their ``.ui`` files say."""
# ruff: noqa: PT009 - unittest's own checks: Slicer does not bundle pytest

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import slicer
from launched_case import MODULES, SECTIONS, LaunchedCase, lines_since, log_text, save_pictures

SIGNS_OF_TROUBLE = ("QFormBuilder", "Fail to instantiate module", "Traceback", "does not have observer")


class ModulesLoadCase(LaunchedCase):
    def test_the_modules_are_there_and_describe_themselves(self):
        for name in MODULES:
            module = getattr(slicer.modules, name.lower(), None)

            self.assertIsNotNone(module, f"{name} did not load: see the log above")
            self.assertEqual(list(module.categories), ["Quantification"])
            self.assertGreater(len(module.helpText), 100)
            self.assertGreater(len(module.acknowledgementText), 20)
            self.assertFalse(module.icon.isNull(), f"{name} has no icon")

    def test_the_panels_are_what_their_forms_say(self):
        for name in MODULES:
            before = log_text()
            panel = self.panel(name)
            form = ElementTree.parse(panel.resourcePath(f"UI/{name}.ui")).getroot()
            top, *others = form.iter("widget")
            expected = {item.get("name"): item.get("class") for item in others}
            made = {item: getattr(panel.ui, item).className() for item in expected}

            self.assertEqual(top.get("class"), "qMRMLWidget")
            self.assertEqual(made, expected)
            self.assertEqual(lines_since(before, SIGNS_OF_TROUBLE), [])
            for section in (getattr(panel, section) for section in SECTIONS):
                form = ElementTree.parse(package_file(f"panels/ui/{section.form}.ui")).getroot()
                others = {item.get("name"): item.get("class") for item in list(form.iter("widget"))[1:]}
                self.assertEqual({item: getattr(section.ui, item).className() for item in others}, others)
            self.assertFalse(panel.ui.applyButton.enabled)
            self.assertIn("Missing", panel.ui.applyButton.toolTip)
            save_pictures(panel, f"{name}_empty")

    def test_opening_and_leaving_a_module_changes_no_node_of_the_user(self):
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "mine")
        for name in (*MODULES, "Data", *MODULES, "Data"):
            slicer.util.selectModule(name)
            self.pump()

        self.assertEqual(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"), [volume])
        self.assertEqual(volume.GetName(), "mine")

    def test_nothing_in_the_log_says_that_a_module_failed(self):
        text = log_text()

        for name in MODULES:
            self.assertNotIn(f'Fail to instantiate module "{name}"', text)
        self.assertNotIn("QFormBuilder was unable to create", text)

    def test_the_panels_are_no_wider_than_the_space_that_they_are_given(self):
        for name in MODULES:
            panel = self.panel(name)
            for section in SECTIONS:
                widget = getattr(panel, section).widget
                self.assertLessEqual(widget.minimumSizeHint.width(), 480, f"{name}, {section}")


def package_file(name):
    """A file of the package."""
    import mrbiomarkers

    return str(Path(mrbiomarkers.__file__).parent / name)

"""Stand-ins for the four classes of ``slicer.ScriptedLoadableModule``."""

import importlib
import logging
import unittest
from pathlib import Path

import slicer

__all__ = [
    "ScriptedLoadableModule",
    "ScriptedLoadableModuleLogic",
    "ScriptedLoadableModuleTest",
    "ScriptedLoadableModuleWidget",
]

NODE = "vtkMRMLScriptedModuleNode"


class ScriptedLoadableModule:
    """What Slicer knows of a module: ``parent`` holds its title, texts and path."""

    def __init__(self, parent):
        super().__init__()
        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title = ""
        parent.categories, parent.dependencies, parent.contributors = [], [], []
        parent.helpText = parent.acknowledgementText = ""
        if not hasattr(slicer, "selfTests"):
            slicer.selfTests = {}
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, filename):
        return str(Path(self.parent.path).parent / "Resources" / filename)

    def getDefaultModuleDocumentationLink(self, docPage=None):
        return f"<p>Documentation of {docPage or self.moduleName}</p>"

    def runTest(self, msec=100, **options):
        """Run the self test of the module: its class is named ``<module>Test``."""
        name = f"{self.moduleName}Test"
        case = getattr(importlib.import_module(self.__module__), name, None)
        if case is None:
            raise AssertionError(f"there is no class {self.__module__}.{name}")
        test = case()
        test.messageDelay = msec
        test.runTest(**options)


class ScriptedLoadableModuleWidget:
    """The panel. It draws in ``parent``, or in a window of its own that it sets up and shows itself."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        self.parent = parent or self._window()
        self.layout = self.parent.layout()
        if not parent:
            self.setup()
            self.parent.show()
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    @staticmethod
    def _window():
        import qt

        window = slicer.qMRMLWidget()
        window.setLayout(qt.QVBoxLayout())
        window.setMRMLScene(slicer.mrmlScene)
        return window

    def resourcePath(self, filename):
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / filename)

    def setup(self):
        """Add the developer's section, which the stand-in has not."""

    def cleanup(self):
        """Do nothing; for subclasses."""

    def onReload(self):
        slicer.util.reloadScriptedModule(self.moduleName)

    def onTest(self, **options):
        with slicer.util.tryWithErrorDisplay("Test failed."):
            slicer.selfTests[self.moduleName](msec=0, **options)

    def onReloadAndTest(self, **options):
        with slicer.util.tryWithErrorDisplay("Reload and Test failed."):
            self.onReload()
            slicer.selfTests[self.moduleName](msec=0, **options)

    def _onModuleAboutToBeUnloaded(self, name):
        if name == self.moduleName:
            self.cleanup()
            manager = slicer.app.moduleManager()
            manager.disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)


class ScriptedLoadableModuleLogic:
    """The logic, with the parameter node of its module in the scene that is open when it is asked."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self):
        node = self._found()
        if node is None:
            return slicer.mrmlScene.AddNode(self.createParameterNode())
        node.SetAttribute("ModuleName", self.moduleName)  # a singleton may lose it when the scene is closed
        return node

    def _found(self):
        if self.isSingletonParameterNode:
            return slicer.mrmlScene.GetSingletonNode(self.moduleName, NODE)
        return next(iter(self.getAllParameterNodes()), None)

    def getAllParameterNodes(self):
        nodes = slicer.util.getNodesByClass(NODE)
        return [node for node in nodes if node.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self):
        """Return a new parameter node, which is not in the scene yet."""
        if slicer.mrmlScene is None:
            return None
        node = slicer.mrmlScene.CreateNodeByClass(NODE)
        node.UnRegister(None)
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """A self test: ``runTest`` runs each method with "test" in its name."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        super(unittest.TestCase, self).__init__()  # TestCase does not call the next class, a mixin, itself
        names = [name for name in dir(self) if "test" in name]
        self.moduleTestNames = [name for name in names if callable(getattr(self, name))]

    def delayDisplay(self, message, requestedDelay=None, msec=None):
        logging.info(message)

    def takeScreenshot(self, name, description, type=-1):
        logging.info(description)

    def runTest(self):
        if not self.moduleTestNames:
            logging.warning(f"No test is defined in {type(self).__name__}")
            return
        self.setUpClass()
        for name in self.moduleTestNames:
            self.setUp()
            getattr(self, name)()
            self.tearDown()
        self.tearDownClass()

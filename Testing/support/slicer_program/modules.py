"""Stand-in for a module as ``slicer.modules`` holds it (qSlicerScriptedLoadableModule)."""

import slicer


class Module:
    """The object that a module class gets as ``parent`` and fills. An attribute it has not cannot be set."""

    __slots__ = (
        "acknowledgementText",
        "associatedNodeTypes",
        "categories",
        "contributors",
        "dependencies",
        "extensions",
        "helpText",
        "hidden",
        "icon",
        "index",
        "name",
        "path",
        "title",
        "widget",
        "widgetRepresentationCreationEnabled",
    )

    def __init__(self, name, path):
        self.name, self.path = name, str(path)
        self.title = name
        self.categories, self.dependencies, self.contributors = [], [], []
        self.helpText = self.acknowledgementText = ""
        self.hidden, self.icon, self.index = False, None, -1
        self.widget = None

    def logic(self):
        """Return the logic of C++, which knows nothing of the class in the module file."""
        return slicer.vtkMRMLAbstractLogic()

    def widgetRepresentation(self):
        raise RuntimeError(f"the panel of {self.name} was asked for where there is no Qt")

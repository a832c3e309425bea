"""A section of a panel that several modules share: a form of its own and a life beside that of the panel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from mrbiomarkers.mrml.scene_nodes import singleton_node

NODE = "vtkMRMLScriptedModuleNode"
EXPECTED = (TypeError, ValueError, RuntimeError, OSError, KeyError)  # what input can do wrong; it is said in the panel


class Section(VTKObservationMixin):
    """A part of a panel, made of one ``.ui`` file of the folder ``ui`` beside this file.

    The panel calls, in this order: ``setup`` once; ``bind`` and ``enter`` when it is opened; ``exit`` and ``release``
    when it is left. A scene that is closed or loaded: ``leaveNodes`` and ``release`` before, ``bind`` and ``enter``
    after it, when the panel is open. ``nodeRemoved`` before a node is deleted, ``cleanup`` at the end. What is called
    twice, or without its counterpart, does no harm.

    Parameters
    ----------
    panel : FitPanel, optional
        The panel that it is a part of.
    """

    form = ""  # name of the .ui file, without its ending
    place = "sectionsPlace"  # name of the widget of the panel's form in which it comes
    message = ""  # name of the label in which it says something
    shared: tuple[str, Any] | None = None  # tag and wrapper of what it keeps in the scene for all modules

    def __init__(self, panel: Any = None) -> None:
        VTKObservationMixin.__init__(self)
        self.panel = panel
        self.widget: Any = None
        self.ui: Any = None
        self._parameters: Any = None
        self._guiTag: Any = None
        self._tips: dict[str, str] = {}

    def setup(self, layout: Any) -> None:
        """Build the form and add it to a layout."""
        with as_file(files(__package__) / "ui" / f"{self.form}.ui") as path:
            self.widget = slicer.util.loadUI(str(path))
        layout.addWidget(self.widget)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)

    def parameters(self, node: Any) -> Any:
        """Return what the form is bound to: what all modules share, or the parameter node of the panel."""
        return node if self.shared is None else shared_parameters(*self.shared)

    def bind(self, node: Any) -> None:
        """Bind the form while the panel has this parameter node; None: to none."""
        self.release()
        if node is not None:
            self._parameters = self.parameters(node)
            self._guiTag = self._parameters.connectGui(self.ui)

    def release(self) -> None:
        """Let go of the parameter node and of all that is observed in the scene."""
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
        self._parameters = self._guiTag = None
        self.removeObservers()

    def enter(self) -> None:
        """Take up what only an open panel may have: views, place mode, shortcuts."""

    def exit(self) -> None:
        """Give back what :meth:`enter` took."""

    def check(self) -> None:
        """Enable what can be done now; long work of the panel may have begun or ended."""

    def leaveNodes(self) -> None:
        """Take away the nodes that are shown but not bound, before the scene is closed or another comes."""

    def nodeRemoved(self, node: Any) -> None:
        """Let go of a node before it is deleted; its selector would take another one without a word."""
        for widget in vars(self.ui).values():
            if hasattr(widget, "currentNode") and widget.currentNode() is node:
                widget.setCurrentNode(None)

    def cleanup(self) -> None:
        """Let go of everything."""
        self.exit()
        self.leaveNodes()
        self.release()

    def say(self, text: str) -> None:
        """Show a text in the section."""
        getattr(self.ui, self.message).text = text

    def wording(self, error: BaseException) -> str:
        """Return what is said of an error that input explains."""
        return spoken(error)

    @contextmanager
    def saying(self) -> Iterator[None]:
        """Say in the section what is wrong with the input; nothing pops up."""
        try:
            yield
        except EXPECTED as error:
            self.say(self.wording(error))

    def enable(self, widget: Any, missing: Sequence[str] = (), *, why: str = "", tip: str = "") -> None:
        """Enable a widget; while it cannot be used its tooltip says why.

        Parameters
        ----------
        widget : QWidget
            A button, for the most part.
        missing : sequence of str
            What has to be chosen or done before, in words.
        why : str
            Another reason not to use it, as a sentence.
        tip : str
            Tooltip of the enabled widget; default that of the form.
        """
        usual = self._tips.setdefault(widget.name, widget.toolTip)
        reason = lacks(missing) or why or (_("Wait until the work that runs has ended.") if self.panel.running else "")
        widget.enabled = not reason
        widget.toolTip = reason or tip or usual


def shared_parameters(tag: str, wrapper: Callable[[Any], Any]) -> Any:
    """Return what a section keeps in the scene that is open, for all modules; it is added where there is none.

    Parameters
    ----------
    tag : str
        Singleton tag and name of the node: "MRBiomarkers." and the section.
    wrapper : class
        Made with ``parameterNodeWrapper``. A new one is returned each time, as a wrapper keeps what it has once read.
    """
    shared = singleton_node(NODE, tag)
    shared.SetAttribute("ModuleName", tag)
    return wrapper(shared)


def spoken(error: BaseException) -> str:
    """Return what an error says; that of a KeyError without its quotation marks, of the system without its number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def lacks(missing: Sequence[str]) -> str:
    """Return the sentence that says what is missing; empty where nothing is."""
    return _("Missing: {things}.").format(things=", ".join(missing)) if missing else ""

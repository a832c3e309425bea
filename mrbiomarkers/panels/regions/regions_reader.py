"""The field with the reader's name in the section Regions."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from mrbiomarkers.panels.readers.reader_nodes import give_reader, reader_of, readings, wrong_name
from mrbiomarkers.study.readings import reader_name, same_reader


class ReaderField:
    """A ``QLineEdit`` that is taken over when it is left, and not at each key.

    Parameters
    ----------
    field : QLineEdit
        The field.
    section : RegionsSection
        Its regions and points belong to the reader.
    """

    def __init__(self, field: Any, section: Any) -> None:
        self._field, self._section = field, section
        self._shown = ""
        field.editingFinished.connect(self.onEdited)

    def take(self) -> None:
        """Take over what was typed and not yet left: a key of the panel does not move the focus."""
        if self._field.modified:
            self.onEdited()

    def onEdited(self) -> None:
        """Take the name over: that reader's regions are chosen, or those that were made under no name become his."""
        section, name = self._section, reader_name(self._field.text)
        self._field.modified = False
        if section.reader != name and not same_reader(name, section.reader) and self._field.enabled:
            section.say(self._changed(name))
        section.check()

    def check(self) -> None:
        """Show the name; it cannot be changed while a case of the worklist is open, or a second reader reads."""
        panel, field, reader = self._section.panel, self._field, self._section.reader
        tip, free = _("Who makes the regions, or a code; taken over when you leave the field."), True
        if getattr(panel.cases, "case", None) is not None:
            tip, free = _("The open case is read by {reader}, as the worklist says.").format(reader=reader), False
        elif getattr(panel.readers, "blinded", False):
            tip, free = _("A second reader is reading: press Show both in Readers first."), False
        field.enabled = free and self._section.isBound
        field.toolTip = tip
        if field.text != reader and (reader != self._shown or not field.modified):  # not over what is being typed
            field.text = reader
        self._shown = reader

    def _changed(self, name: str) -> str:
        """Change the reader, and return what to say."""
        section = self._section
        if wrong_name(name):
            return _(wrong_name(name))
        chosen = [node for node in (section.regions, section.points) if node is not None]
        known = readings(section.image)
        own = next((made for who, made in known.items() if same_reader(who, name)), None)
        owner = next((reader_of(node) for node in chosen if reader_of(node)), "")
        if own is not None:
            section.choose(reader=name, segmentation=own.segmentation, points=own.points)
            for node in [node for node in own if node is not None]:
                node.SetDisplayVisibility(True)
            return _("The regions of {reader} are chosen.").format(reader=name)
        if owner and not same_reader(owner, name):
            told = _("These regions are those of {owner}. Begin as the second reader in Readers, or choose no regions.")
            return told.format(owner=owner)
        section.choose(reader=name)
        give_reader(name, section.image, *chosen)
        return ""

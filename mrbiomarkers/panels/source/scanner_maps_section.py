"""The part of Input that makes a map in known units of one that the scanner has made, once its unit is confirmed."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from slicer.i18n import tr as _

from mrbiomarkers.mrml import drawn_regions, masks_on
from mrbiomarkers.mrml.maps_in import scale_proposal
from mrbiomarkers.mrml.volumes import voxels_of
from mrbiomarkers.panels.section import EXPECTED, Section, spoken
from mrbiomarkers.panels.source.scanner_maps_parameters import SHARED, ScannerMapsParameterNode
from mrbiomarkers.quantities import quantity
from mrbiomarkers.vendor_maps import UNITS, MapScale

QUANTITIES = {  # by kind of panel
    "diffusion": ("ADC", "D", "Dstar", "f", "DDC", "alpha", "MD", "MK"),
    "multi-echo": ("PDFF", "R2star", "T2star"),
}
_IN_MARROW = ("R2star", "T2star")  # their units are told apart in marrow only
_OURS = "MRBiomarkers.Quantity"


class ScannerMapsSection(Section):
    """Volume, quantity, the unit that its values speak for, and the unit that a person confirms."""

    form = "scanner_maps_section"
    message = "mapsMessage"
    shared = (SHARED, ScannerMapsParameterNode)
    place = "inputPlace"

    def __init__(self, panel: Any = None) -> None:
        super().__init__(panel)
        self._volume: Any = None
        self._proposed: tuple[str, MapScale] | None = None  # as the unit field shows it

    def setup(self, layout: Any) -> None:
        """Build the form and connect it."""
        super().setup(layout)
        ui = self.ui
        self._keys = QUANTITIES[self.panel.kind]
        for key in self._keys:
            ui.quantityComboBox.addItem(f"{quantity(key).symbol} ({quantity(key).name})")
        ui.quantityComboBox.currentIndexChanged.connect(self.onOther)
        ui.unitEdit.textChanged.connect(self.check)
        ui.proposeButton.clicked.connect(self.onPropose)
        ui.confirmButton.clicked.connect(self.onConfirm)
        self.onOther()

    def bind(self, node: Any) -> None:
        """Bind the form."""
        super().bind(node)
        if self._parameters is not None:
            self.addObserver(self._parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
        self.onParameters()

    def release(self) -> None:
        """Let go of the nodes; a unit that was not confirmed is forgotten with its volume."""
        super().release()
        if self.ui is not None:
            self.onParameters()

    def onParameters(self, caller: Any = None, event: Any = None) -> None:
        """Follow the volume that is chosen."""
        volume = None if self._parameters is None else self._parameters.volume
        if volume is not self._volume:
            self._volume = volume
            self.onOther()

    def onOther(self, index: int = 0) -> None:
        """Forget the unit of another volume or quantity: it is never applied to this one."""
        self._proposed = None
        self.ui.unitEdit.text = ""
        known = ", ".join(name for units in UNITS[self._key()] for name in units)
        self.ui.unitEdit.toolTip = _(
            "What the numbers stand for: one of {units}, or a number of times one of them, as 0.1*{first}."
        ).format(units=known, first=known.partition(",")[0])
        self.say(self._ours())
        self.check()

    def check(self, text: str = "") -> None:
        """Enable what can be done; the tooltip of the rest says what is missing."""
        missing = []
        if self._volume is None:
            missing.append(_("a volume"))
        elif self._ours():
            missing.append(_("a volume that is no map of this extension"))
        unit = [] if self.ui.unitEdit.text.strip() else [_("a unit")]
        self.enable(self.ui.proposeButton, missing, tip=_("Says for which unit the values speak. Nothing is made yet."))
        self.enable(
            self.ui.confirmButton, missing + unit, tip=_("Makes a map in this unit; the volume stays as it is.")
        )

    def onPropose(self) -> None:
        """Say for which unit the values speak, and write it into the field; it counts when it is confirmed."""
        key = self._key()
        try:
            proposal = scale_proposal(self._volume, key, self._marrow(key))
            values = np.asarray(voxels_of("volume", self._volume)[0], dtype=np.float64)
        except EXPECTED as error:
            self.say(spoken(error))
            return
        finite = values[np.isfinite(values)]
        lines = []
        if finite.size:
            text = _("The values go from {lowest} to {highest}, the middle one of those other than 0 is {median}.")
            others = finite[finite != 0]
            numbers = {
                "lowest": finite.min(),
                "highest": finite.max(),
                "median": np.median(others) if others.size else 0,
            }
            lines.append(text.format(**{name: f"{value:.4g}" for name, value in numbers.items()}))
        symbol, scale = quantity(key).symbol, proposal.scale
        if scale is None:
            self.ui.unitEdit.text = ""
            lines.append(
                _("They propose no unit for {symbol}: {reason}.").format(symbol=symbol, reason=proposal.reason)
            )
            if key in _IN_MARROW and self._regions() is None:
                lines.append(_("With regions in vertebrae (section Regions) the values there can be looked at."))
            lines.append(_("Write the unit, and confirm it."))
        else:
            shown = scale.unit if scale.slope == 1 else f"{scale.slope:g}*{scale.unit}"
            self._proposed = (shown, scale)
            self.ui.unitEdit.text = shown
            text = _("They speak for {symbol} in {unit} (confidence: {confidence}): {reason}.")
            lines.append(text.format(symbol=symbol, unit=shown, confidence=proposal.confidence, reason=proposal.reason))
            lines.append(_("Nothing is made until you confirm the unit; correct it first where it is wrong."))
        self.say("\n".join(lines))

    def onConfirm(self) -> None:
        """Make the map in the unit that stands in the field."""
        key, unit = self._key(), self.ui.unitEdit.text.strip()
        scale: Any = unit
        if self._proposed is not None and self._proposed[0] == unit:
            scale = self._proposed[1]
        try:
            made = self.panel.logic.adoptMap(self._volume, key, scale)
        except EXPECTED as error:
            self.say(spoken(error))
            return
        text = _('"{name}" was made of {symbol} in {unit}. Measure can use it now, without a fit.')
        names = ", ".join(node.GetName() for node in made.maps.values())
        self.say("\n".join([text.format(name=names, symbol=quantity(key).symbol, unit=unit), *made.warnings]))

    def leaveNodes(self) -> None:
        """Say nothing any more of nodes that go."""
        if self.ui is not None:
            self.say("")

    def _key(self) -> str:
        return self._keys[max(0, self.ui.quantityComboBox.currentIndex)]

    def _ours(self) -> str:
        """Return what to say of a volume that needs no unit; empty for others."""
        own = None if self._volume is None else self._volume.GetAttribute(_OURS)
        if not own:
            return ""
        text = _("This is a map of this extension ({symbol}): it knows its unit, and Measure can use it as it is.")
        return text.format(symbol=quantity(own).symbol)

    def _regions(self) -> Any:
        return getattr(self.panel.regions, "regions", None)

    def _marrow(self, key: str) -> Any:
        """Return the regions on the grid of the volume, where the quantity needs them and there are any."""
        regions = self._regions()
        if key not in _IN_MARROW or regions is None:
            return None
        voxels, affine = voxels_of("volume", self._volume)
        masks, _outside = masks_on(drawn_regions(regions), voxels.shape[:3], affine)
        return masks or None

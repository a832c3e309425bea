"""Stand-ins for ctk's sliders, spin boxes and ranges. A value is rounded to the decimals and kept within the limits."""

from PySide6.QtCore import Property, Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QSlider, QWidget

from .flavour import Flavour, kept, stand_in
from .sizes import in_a_row


class _Parts(Flavour):
    """The parts that are drawn: spin boxes (True) and sliders (False) in a row."""

    parts = (False, True)

    def __init__(self, *arguments):
        super().__init__(*arguments)
        drawn = [QDoubleSpinBox() if is_box else QSlider(Qt.Orientation.Horizontal) for is_box in self.parts]
        self._boxes = [part for part in drawn if isinstance(part, QDoubleSpinBox)]
        in_a_row(self, *drawn)

    def _fit_parts(self):
        for box in self._boxes:
            box.setDecimals(self.decimals)
            box.setRange(self.minimum, self.maximum)
            box.setSuffix(self.suffix)


class _Number(_Parts, QWidget):
    valueChanged = Signal(float)

    decimals = kept("decimals", int, 2, "_fit")
    minimum = kept("minimum", float, 0.0, "_fit")
    maximum = kept("maximum", float, 99.0, "_fit")
    singleStep = kept("singleStep", float, 1.0)
    pageStep = kept("pageStep", float, 10.0)
    prefix = kept("prefix", str, "")
    suffix = kept("suffix", str, "", "_fit_parts")
    tracking = kept("tracking", bool, True)
    decimalsOption = kept("decimalsOption", str, "")

    def _read(self):
        return self.__dict__.get("_value", 0.0)

    def _write(self, value):
        value = min(max(round(float(value), self.decimals), self.minimum), self.maximum)
        if value != self._read():
            self.__dict__["_value"] = value
            self.valueChanged.emit(value)

    value = Property(float, _read, _write)

    def _fit(self):
        self._fit_parts()
        self._write(self._read())

    def setValue(self, value):
        self._write(value)

    def setRange(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum


@stand_in
class ctkSliderWidget(_Number):
    invertedAppearance = kept("invertedAppearance", bool, False)
    foreign_signals = ("valueChanged(double)",)
    popupSlider = kept("popupSlider", bool, False)
    spinBoxVisible = kept("spinBoxVisible", bool, True)
    tickInterval = kept("tickInterval", float, 0.0)


@stand_in
class ctkDoubleSlider(_Number):
    parts = (False,)
    foreign_signals = ("valueChanged(double)",)


@stand_in
class ctkDoubleSpinBox(_Number):
    parts = (True,)
    foreign_signals = ("valueChanged(double)",)
    specialValueText = kept("specialValueText", str, "")


@stand_in
class qMRMLSliderWidget(_Number):
    foreign_signals = ("valueChanged(double)",)
    quantity = kept("quantity", str, "")


@stand_in
class qMRMLSpinBox(_Number):
    parts = (True,)
    foreign_signals = ("valueChanged(double)",)
    quantity = kept("quantity", str, "")


class _Range(_Parts, QWidget):
    parts = (True, False, True)
    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    foreign_signals = ("valuesChanged(double,double)", "minimumValueChanged(double)", "maximumValueChanged(double)")

    decimals = kept("decimals", int, 2, "_fit")
    minimum = kept("minimum", float, 0.0, "_fit")
    maximum = kept("maximum", float, 99.0, "_fit")
    singleStep = kept("singleStep", float, 1.0)
    prefix = kept("prefix", str, "")
    suffix = kept("suffix", str, "", "_fit_parts")
    tickInterval = kept("tickInterval", float, 0.0)
    tracking = kept("tracking", bool, True)
    symmetricMoves = kept("symmetricMoves", bool, False)

    def _values(self):
        return self.__dict__.get("_kept_values", (0.0, 99.0))

    def setValues(self, low, high):
        """Set both; they are put in order, rounded and kept within the limits."""
        low, high = (min(max(round(float(value), self.decimals), self.minimum), self.maximum) for value in (low, high))
        before, now = self._values(), (min(low, high), max(low, high))
        self.__dict__["_kept_values"] = now
        if now[0] != before[0]:
            self.minimumValueChanged.emit(now[0])
        if now[1] != before[1]:
            self.maximumValueChanged.emit(now[1])
        if now != before:
            self.valuesChanged.emit(*now)

    def setMinimumValue(self, value):
        """Set the lower value; one above the higher value is made equal to it."""
        self.setValues(min(float(value), self._values()[1]), self._values()[1])

    def setMaximumValue(self, value):
        """Set the higher value; one below the lower value is made equal to it."""
        self.setValues(self._values()[0], max(float(value), self._values()[0]))

    minimumValue = Property(float, lambda self: self._values()[0], setMinimumValue)
    maximumValue = Property(float, lambda self: self._values()[1], setMaximumValue)

    def _fit(self):
        self._fit_parts()
        self.setValues(*self._values())

    def setDecimals(self, decimals):
        self.decimals = decimals

    def setRange(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum


@stand_in
class ctkRangeWidget(_Range):
    pass


@stand_in
class ctkDoubleRangeSlider(_Range):
    parts = (False,)


@stand_in
class qMRMLRangeWidget(_Range):
    quantity = kept("quantity", str, "")

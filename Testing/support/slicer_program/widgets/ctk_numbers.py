"""Stand-ins for ctk's sliders, spin boxes and ranges. A value is rounded to the decimals and kept within the limits."""

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QWidget

from .flavour import Flavour, kept, stand_in


class _Number(Flavour, QWidget):
    valueChanged = Signal(float)

    decimals = kept("decimals", int, 2, "_fit")
    minimum = kept("minimum", float, 0.0, "_fit")
    maximum = kept("maximum", float, 99.0, "_fit")
    singleStep = kept("singleStep", float, 1.0)
    pageStep = kept("pageStep", float, 10.0)
    prefix = kept("prefix", str, "")
    suffix = kept("suffix", str, "")
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
        self._write(self._read())

    def setValue(self, value):
        self._write(value)

    def setRange(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum


@stand_in
class ctkSliderWidget(_Number):
    foreign_signals = ("valueChanged(double)",)
    popupSlider = kept("popupSlider", bool, False)
    spinBoxVisible = kept("spinBoxVisible", bool, True)
    tickInterval = kept("tickInterval", float, 0.0)


@stand_in
class ctkDoubleSlider(_Number):
    foreign_signals = ("valueChanged(double)",)


@stand_in
class ctkDoubleSpinBox(_Number):
    foreign_signals = ("valueChanged(double)",)
    specialValueText = kept("specialValueText", str, "")


@stand_in
class qMRMLSliderWidget(_Number):
    foreign_signals = ("valueChanged(double)",)
    quantity = kept("quantity", str, "")


@stand_in
class qMRMLSpinBox(_Number):
    foreign_signals = ("valueChanged(double)",)
    quantity = kept("quantity", str, "")


class _Range(Flavour, QWidget):
    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    foreign_signals = ("valuesChanged(double,double)", "minimumValueChanged(double)", "maximumValueChanged(double)")

    decimals = kept("decimals", int, 2, "_fit")
    minimum = kept("minimum", float, 0.0, "_fit")
    maximum = kept("maximum", float, 99.0, "_fit")
    singleStep = kept("singleStep", float, 1.0)
    prefix = kept("prefix", str, "")
    suffix = kept("suffix", str, "")
    tracking = kept("tracking", bool, True)

    def _values(self):
        return self.__dict__.get("_kept_values", (0.0, 99.0))

    def setValues(self, low, high):
        low, high = (min(max(round(float(value), self.decimals), self.minimum), self.maximum) for value in (low, high))
        before, now = self._values(), (min(low, high), max(low, high))
        self.__dict__["_kept_values"] = now
        if now[0] != before[0]:
            self.minimumValueChanged.emit(now[0])
        if now[1] != before[1]:
            self.maximumValueChanged.emit(now[1])
        if now != before:
            self.valuesChanged.emit(*now)

    minimumValue = Property(
        float, lambda self: self._values()[0], lambda self, value: self.setValues(value, self._values()[1])
    )
    maximumValue = Property(
        float, lambda self: self._values()[1], lambda self, value: self.setValues(self._values()[0], value)
    )

    def _fit(self):
        self.setValues(*self._values())

    def setRange(self, minimum, maximum):
        self.minimum, self.maximum = minimum, maximum


@stand_in
class ctkRangeWidget(_Range):
    pass


@stand_in
class ctkDoubleRangeSlider(_Range):
    pass


@stand_in
class qMRMLRangeWidget(_Range):
    quantity = kept("quantity", str, "")

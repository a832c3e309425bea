"""The sections Regions and Readers in a window, with a stand-in for Measure; on stand-ins of the program."""

from Testing.support.regions_host import Host


class Measured:
    """What Readers uses of the section Measure."""

    ui = None

    def __init__(self):
        self.charts, self.forgotten = [], 0

    def showChart(self, chart):  # noqa: N802
        self.charts.append(chart)

    def forget(self):
        self.forgotten += 1

    def typed(self):
        return "S1", ""


class ReadersHost(Host):
    """The panel of two readers."""

    def __init__(self, program):
        from mrbiomarkers.panels.readers.readers_section import ReadersSection

        super().__init__(program, readers=ReadersSection)
        self.measure = Measured()

    @property
    def form(self):
        return self.readers.ui

    @property
    def told(self):
        return self.form.readersMessage.text

    def read_first(self, reader="Anna"):
        """The first reader's regions, measured."""
        self.sign(reader)
        self.placed()
        return self.measured()

    def begin(self, reader="Ben"):
        self.form.secondLineEdit.text = reader
        self.form.beginButton.click()

    def measured(self):
        """Measure the map of the series as the section Measure does."""
        fit = self.last or self.fit(lambda done, total: True)
        made = self.logic.measure([fit.maps["ADC"]], self.readers.readings(), identity=self.identity())
        self.readers.check()
        return made

    def read_second(self, reader="Ben"):
        """A second reader who clicks elsewhere, measured; then both are shown."""
        self.begin(reader)
        self.ui.placeButton.click()
        for index, place in enumerate(self.middles().values()):
            self.shared.points.SetNthControlPointPosition(index, place[0], place[1] + 2.0, place[2])
        self.settle()
        return self.measured()

    def offered(self, combo):
        return [combo.itemText(index) for index in range(combo.count)]

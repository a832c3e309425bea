"""The section Export alone in a window, with what the other sections make; for tests with stand-ins of the program."""

from types import SimpleNamespace

from Testing.support.section_host import SectionHost


class ExportHost(SectionHost):
    """A panel with the section Export; results go into ``folder``."""

    def __init__(self, program, folder):
        from mrbiomarkers.panels.export.export_section import ExportSection

        self.forget()
        super().__init__(program, export=ExportSection)
        self.section, self.ui, self.folder = self.export, self.export.ui, folder
        folder.mkdir()

    def end(self):
        super().end()
        self.forget()

    @staticmethod
    def forget():
        """Forget the folder, which all panels and sessions share."""
        import qt

        from mrbiomarkers.panels.export.export_section import FOLDER

        qt.QSettings().setValue(FOLDER, "")


def settle(host):
    host.program.wait(lambda: not host.section._timer.active)


def measured(host, subject="S01"):
    """Fit and measure, as the other sections do; the section Measure and Regions are stood in for."""
    from mrbiomarkers.mrml import add_level_points
    from mrbiomarkers.settings import MeasureSettings

    series = host.take_series()
    host.fit(lambda done, total: True)
    points = add_level_points(points=host.middles())
    regions = host.logic.placeVertebrae(points, series).segmentation
    host.regions = SimpleNamespace(regions=regions, points=points, reader="A")
    found = host.logic.measure(
        host.last.maps, {"A": regions}, series=series, settings=host.settings(), identity=MeasureSettings(subject)
    )
    host.measure = SimpleNamespace(measured=found, table=found.table, typed=lambda: (subject, ""))
    settle(host)
    return found


def tick(host, *names):
    for name in ("table", "figures", "maps", "regions", "dicom"):
        getattr(host.ui, f"{name}CheckBox").checked = name in names
    settle(host)


def choose(host, folder=None):
    host.ui.folderPathLineEdit.currentPath = str(folder or host.folder)


def listed(host):
    return [host.ui.exportedList.item(row).text() for row in range(host.ui.exportedList.count)]


def said(host):
    return host.ui.exportMessage.text

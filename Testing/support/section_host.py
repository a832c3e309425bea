"""A panel without a form of its own, for tests of one section; on the stand-ins of the program."""

import numpy as np

LEVELS = ["L1", "L2", "L3", "L4", "L5"]
SHAPE = (6, 64, 64)


class SectionHost:
    """What a section may use of its panel, on a simulated diffusion series.

    Parameters
    ----------
    program : fixture
        The program with stand-ins.
    makers : callables
        ``make(host) -> Section``, by the names under which the panel knows the section (``measure=MeasureSection``).
    """

    moduleName, kind = "MadeUp", "diffusion"  # noqa: N815

    def __init__(self, program, **makers):
        import qt
        import slicer

        from mrbiomarkers.phantom import lumbar_diffusion

        program.load_module("IVIMBoneMarrow")
        from IVIMBoneMarrow import IVIMBoneMarrowLogic

        self.program, self.logic = program, IVIMBoneMarrowLogic()
        self.phantom = lumbar_diffusion(shape=SHAPE)
        self.node, self.chosen_settings, self.running, self.last = None, None, False, None
        self.cases = self.regions = self.measure = self.readers = self.export = None
        self.frame = qt.QWidget()
        self.frame.setLayout(qt.QVBoxLayout())
        self.sections = []
        for name, make in makers.items():
            section = make(self)
            setattr(self, name, section)
            section.setup(self.frame.layout())
            self.sections.append(section)
        self.frame.show()
        scene = slicer.mrmlScene
        observed = (
            (scene.StartCloseEvent, self.start),
            (scene.StartImportEvent, self.start),
            (scene.EndCloseEvent, self.open),
            (scene.EndImportEvent, self.open),
        )
        self.tags = [scene.AddObserver(event, call) for event, call in observed]
        self.open()

    def start(self, caller=None, event=None):
        for section in self.sections:
            section.leaveNodes()
            section.release()
        self.node = self.last = None

    def open(self, caller=None, event=None):
        for section in self.sections:
            section.bind(object())
            section.enter()

    def leave(self):
        for section in self.sections:
            section.exit()
            section.release()

    def end(self):
        import slicer

        for tag in self.tags:
            slicer.mrmlScene.RemoveObserver(tag)
        for section in self.sections:
            section.cleanup()

    def take_series(self):
        from mrbiomarkers.mrml import add_diffusion_sequence

        self.node = add_diffusion_sequence(self.phantom.series, "DWI", browser=True)
        return self.node

    def middles(self):
        """The middle of each simulated body, RAS."""
        affine = self.phantom.series.affine
        places = {level: np.argwhere(self.phantom.regions[level]).mean(axis=0) for level in LEVELS}
        return {level: (affine @ [i, j, k, 1])[:3] for level, (k, j, i) in places.items()}

    # What a panel offers its sections

    def image(self):
        return self.node

    def series(self):
        return {} if self.node is None else {"series": self.node}

    def settings(self):
        from mrbiomarkers.settings import DiffusionSettings

        return self.chosen_settings or DiffusionSettings(models=("adc", "ivim"))

    def lacking(self):
        return [] if self.node is not None else ["a diffusion series"]

    def take(self, nodes):
        self.node = nodes["diffusion"]

    def fitted(self):
        return self.last

    def fit(self, progress):
        self.last = self.logic.fit(**self.series(), settings=self.settings(), progress=progress)
        return self.last

    def identity(self):
        from mrbiomarkers.settings import MeasureSettings

        subject, timepoint = (
            (self.cases and self.cases.identity()) or (self.measure and self.measure.typed()) or ("", "")
        )
        return MeasureSettings(subject=subject, timepoint=timepoint, reader=getattr(self.regions, "reader", ""))

    def run(self, label, work, say):
        if self.running:
            return False
        self.running = True
        self.check()
        try:
            work(lambda done, total: True)
            return True
        except InterruptedError as error:
            say(f"Cancelled: {error}.")
        except (TypeError, ValueError, RuntimeError, OSError, KeyError) as error:
            say(f"Not finished: {error}")
        finally:
            self.running = False
            self.check()
        return False

    def check(self):
        for section in self.sections:
            section.check()

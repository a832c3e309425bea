"""A module's panel with its sample chosen, and what a test does with it; on the stand-ins of the program."""

SHAPE = (4, 32, 32)


class Opened:
    """A panel, its sample, and what a test does with them."""

    def __init__(self, program, name):
        self.program, self.name = program, name
        self.panel = program.open_panel(name)
        self.take_sample()

    def take_sample(self):
        sample = self.panel.logic.createSampleData(shape=SHAPE)
        self.points = sample.pop("points")
        self.series = next(iter(sample.values()))
        self.chosen = sample
        for parameter, node in self.chosen.items():
            setattr(self.node, parameter, node)

    ui = property(lambda self: self.panel.ui)
    selector = property(
        lambda self: next(w for n, w in vars(self.ui).items() if n in ("seriesSelector", "magnitudeSelector"))
    )
    node = property(lambda self: self.panel._parameterNode)

    def kept(self):
        return {parameter: getattr(self.node, parameter) for parameter in self.chosen}

    def during(self, act, monkeypatch):
        """Do something the first time that events are served while work runs; return what ``act`` returned."""
        serve, seen = self.program.app.processEvents, []

        def events():
            serve()
            if self.panel._running and not seen:
                seen.append(None)
                seen[0] = act()

        monkeypatch.setattr(self.program.app, "processEvents", events)
        return seen


def dialogs(program):
    return [widget for widget in program.app.topLevelWidgets() if hasattr(widget, "wasCanceled")]


def is_ready(opened):
    return opened.ui.applyButton.enabled and not any(dialog.visible for dialog in dialogs(opened.program))

"""Both panels fit into 480 pixels, also with letters half as large again: no horizontal scroll bar."""

import pytest

WIDTH = 480  # [pixels]
LONG = "A series whose name is far longer than any that a scanner would give it, and longer than the panel is wide"


@pytest.fixture(params=[1.0, 1.5], ids=["100 %", "150 %"])
def scale(request, program):
    """The size of letters, given back at the end."""
    from PySide6.QtWidgets import QApplication

    usual = QApplication.font()
    font = QApplication.font()
    font.setPointSizeF(usual.pointSizeF() * request.param)
    QApplication.setFont(font)
    yield request.param
    QApplication.setFont(usual)


def width_of(part):
    """The width that a widget needs."""
    hint = part.minimumSizeHint  # a property of the stand-ins, a method of the parts that Qt makes by itself
    return (hint() if callable(hint) else hint).width()


def too_wide(form):
    """What makes a form wider than there is room, the outermost first; nothing where it is not."""
    found, parts = [], [form] if width_of(form) > WIDTH else []
    while parts:
        part = parts.pop()
        if part.isHidden() or width_of(part) <= WIDTH // 2:
            continue
        found.append(f"{type(part).__name__} {part.objectName}: {width_of(part)}")
        parts += [child for child in part.children() if child.isWidgetType() and not child.isWindow()]
    return found


def form_of(panel):
    """The whole form below the panel's frame."""
    return panel.parent.layout().itemAt(0).widget()


@pytest.mark.parametrize("module", ["IVIMBoneMarrow", "IDEALFatQuant"])
def test_a_panel_fits_into_480_pixels(program, scale, module):
    import slicer

    panel = program.open_panel(module)
    sample = panel.logic.createSampleData(shape=(4, 32, 32))
    for node in sample.values():
        node.SetName(LONG)
    series = {name: node for name, node in sample.items() if name != "points"}
    panel.take({"diffusion": series["series"]} if "series" in series else series)
    for widget in panel.ui.__dict__.values():
        if hasattr(widget, "collapsed"):
            widget.collapsed = False
    slicer.app.processEvents()

    assert too_wide(form_of(panel)) == []
    panel.say("A warning in one long line, as those of a fit are. " * 5)
    slicer.app.processEvents()
    assert too_wide(form_of(panel)) == []


def test_a_form_that_is_too_wide_is_named(program):
    import qt

    form = qt.QWidget()
    form.setLayout(qt.QVBoxLayout())
    label = qt.QLabel(LONG * 2)
    label.name = "long"
    form.layout().addWidget(label)
    form.show()

    assert [line.split(":")[0] for line in too_wide(form)] == ["QWidget ", "QLabel long"]
    label.wordWrap = True
    assert too_wide(form) == []

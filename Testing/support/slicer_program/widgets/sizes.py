"""What the parts of ctk's and Slicer's widgets need in width, so that a panel is not narrower here than in Slicer."""

from PySide6.QtWidgets import QHBoxLayout


def in_a_row(widget, *parts):
    """Put the parts into the widget, side by side; they have no name and do nothing."""
    layout = QHBoxLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)

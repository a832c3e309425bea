"""Stand-ins for ``qt``, ``ctk`` and Slicer's widgets on PySide6, drawn on no screen. They need PySide6-Essentials."""

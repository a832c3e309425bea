"""What the modules of 3D Slicer share; the only room that knows Qt.

Here lie the frame of a panel (``module_widget.py``, ``fit_panel.py``), what every section is (``section.py``,
``widgets.py``, ``shortcuts.py``), the logic of regions and tables (``logic.py``), batches (``batch.py``,
``series_files.py``), and what is done when Slicer starts (``start.py``, ``packages.py``, ``segment_statistics.py``).
The folders hold the sections in the order of the panel: ``cases``, ``source`` with ``diffusion`` and ``echoes``
(input and fit), ``regions``, ``measure``, ``readers``, ``export``; ``ui`` holds their forms.
"""

"""The section Cases: a worklist, the case that is open (``open_worklist.py``), its nodes and its saved readings."""

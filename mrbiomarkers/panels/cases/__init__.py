"""A worklist in the panels: the case that is open, its nodes and its saved readings."""

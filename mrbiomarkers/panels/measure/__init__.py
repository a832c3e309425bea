"""The section Measure: the maps and regions that are chosen, and the layout of slices, plot and table."""

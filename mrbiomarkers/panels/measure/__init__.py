"""The section Measure, and the layout of the views."""

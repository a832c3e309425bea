"""Input and fit of a multi-echo series."""

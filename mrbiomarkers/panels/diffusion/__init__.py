"""Input and fit of a diffusion series."""

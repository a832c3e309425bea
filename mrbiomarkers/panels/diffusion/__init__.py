"""Input and fit of IVIMBoneMarrow: the table of b-values, the settings of the fit, the fat fraction."""

"""Input and fit of IDEALFatQuant: kinds of data, echo times, field strength, meaning of the phases."""

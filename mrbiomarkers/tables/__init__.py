"""Measurement tables: joining those of several runs, means over regions and readers, pairs of readers."""

from mrbiomarkers.tables.averages import Averages
from mrbiomarkers.tables.joining import join_tables, read_tables
from mrbiomarkers.tables.over_readers import mean_over_readers
from mrbiomarkers.tables.over_regions import LUMBAR, mean_over_regions
from mrbiomarkers.tables.paired import PairLabel, ReaderPairs, pairs

__all__ = [
    "LUMBAR",
    "Averages",
    "PairLabel",
    "ReaderPairs",
    "join_tables",
    "mean_over_readers",
    "mean_over_regions",
    "pairs",
    "read_tables",
]

"""Tables: measurements, features, clinical data; joining, means over regions and readers, change, other forms."""

from mrbiomarkers.tables.averages import Averages
from mrbiomarkers.tables.cells import ColumnRules
from mrbiomarkers.tables.change import by_timepoint, change
from mrbiomarkers.tables.clinical import Joined, join_clinical
from mrbiomarkers.tables.dictionary import data_dictionary
from mrbiomarkers.tables.export import spss_csv, tidy_csv, wide_csv
from mrbiomarkers.tables.joining import join_tables, read_tables
from mrbiomarkers.tables.over_readers import mean_over_readers
from mrbiomarkers.tables.over_regions import LUMBAR, mean_over_regions
from mrbiomarkers.tables.paired import PairLabel, ReaderPairs, pairs
from mrbiomarkers.tables.rules import mean_by_rules
from mrbiomarkers.tables.spss import spss_names
from mrbiomarkers.tables.table import Column, Table
from mrbiomarkers.tables.wide import feature_table, measurement_table

__all__ = [
    "LUMBAR",
    "Averages",
    "Column",
    "ColumnRules",
    "Joined",
    "PairLabel",
    "ReaderPairs",
    "Table",
    "by_timepoint",
    "change",
    "data_dictionary",
    "feature_table",
    "join_clinical",
    "join_tables",
    "mean_by_rules",
    "mean_over_readers",
    "mean_over_regions",
    "measurement_table",
    "pairs",
    "read_tables",
    "spss_csv",
    "spss_names",
    "tidy_csv",
    "wide_csv",
]

"""Groups described and compared: Table 1, tests of figures and counts, correlation. Each result names its test."""

from mrbiomarkers.response.groups.adjust import adjust_p
from mrbiomarkers.response.groups.compare import compare_groups, compare_paired
from mrbiomarkers.response.groups.correlation import Correlation, correlate
from mrbiomarkers.response.groups.counts import compare_categories, compare_counts
from mrbiomarkers.response.groups.means import Summary, compare_summaries
from mrbiomarkers.response.groups.normality import Description, Normality, describe, normality
from mrbiomarkers.response.groups.results import GroupTest, PairComparison
from mrbiomarkers.response.groups.table_one import TableOne, TableRow, table_one

__all__ = [
    "Correlation",
    "Description",
    "GroupTest",
    "Normality",
    "PairComparison",
    "Summary",
    "TableOne",
    "TableRow",
    "adjust_p",
    "compare_categories",
    "compare_counts",
    "compare_groups",
    "compare_paired",
    "compare_summaries",
    "correlate",
    "describe",
    "normality",
    "table_one",
]

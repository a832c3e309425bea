"""How well a score divides two classes: area, comparison of areas, cut-offs and what they find."""

from mrbiomarkers.response.roc.area import AucResult, auc, partial_auc
from mrbiomarkers.response.roc.curve import RocCurve, roc_curve
from mrbiomarkers.response.roc.cutoffs import Cutoff, find_cutoff
from mrbiomarkers.response.roc.delong import AucComparison, delong_test, delong_test_unpaired
from mrbiomarkers.response.roc.performance import Performance, apply_cutoff, performance_from_counts
from mrbiomarkers.response.roc.scores import ClassScores
from mrbiomarkers.response.roc.summary import RocSummary, roc_summary

__all__ = [
    "AucComparison",
    "AucResult",
    "ClassScores",
    "Cutoff",
    "Performance",
    "RocCurve",
    "RocSummary",
    "apply_cutoff",
    "auc",
    "delong_test",
    "delong_test_unpaired",
    "find_cutoff",
    "partial_auc",
    "performance_from_counts",
    "roc_curve",
    "roc_summary",
]

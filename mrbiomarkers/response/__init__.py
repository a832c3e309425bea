"""Diagnosis and response from tables: group statistics, logistic models, ROC analysis, LASSO paths and selection."""

from mrbiomarkers.response.groups import (
    adjust_p,
    compare_categories,
    compare_counts,
    compare_groups,
    compare_paired,
    compare_summaries,
    correlate,
    describe,
    normality,
    table_one,
)
from mrbiomarkers.response.lasso import LassoPath, lasso_path
from mrbiomarkers.response.lasso_cv import LassoCv, assign_folds, cross_validated_lasso
from mrbiomarkers.response.logistic import LogisticTable, logistic_table, univariable_screen
from mrbiomarkers.response.logistic_size import SampleSize, sample_size, variance_inflation
from mrbiomarkers.response.roc import (
    apply_cutoff,
    auc,
    delong_test,
    delong_test_unpaired,
    find_cutoff,
    partial_auc,
    performance_from_counts,
    roc_curve,
    roc_summary,
)
from mrbiomarkers.response.selection import correlation_clusters, icc_filter, rad_score

__all__ = [
    "LassoCv",
    "LassoPath",
    "LogisticTable",
    "SampleSize",
    "adjust_p",
    "apply_cutoff",
    "assign_folds",
    "auc",
    "compare_categories",
    "compare_counts",
    "compare_groups",
    "compare_paired",
    "compare_summaries",
    "correlate",
    "correlation_clusters",
    "cross_validated_lasso",
    "delong_test",
    "delong_test_unpaired",
    "describe",
    "find_cutoff",
    "icc_filter",
    "lasso_path",
    "logistic_table",
    "normality",
    "partial_auc",
    "performance_from_counts",
    "rad_score",
    "roc_curve",
    "roc_summary",
    "sample_size",
    "table_one",
    "univariable_screen",
    "variance_inflation",
]

"""The features of every family by their names in PyRadiomics, and their codes in the IBSI reference manual."""

from __future__ import annotations

import re

_WORDS = {
    "shape": "Elongation:Q3CK Flatness:N17B LeastAxisLength:7J51 MajorAxisLength:TDIC Maximum2DDiameterColumn "
    "Maximum2DDiameterRow Maximum2DDiameterSlice Maximum3DDiameter:L0JK MeshVolume:RNU0 MinorAxisLength:P9VJ "
    "Sphericity:QCFX SurfaceArea:C0JK SurfaceVolumeRatio:2PR5 VoxelVolume:YEKZ",
    "shape2D": "Elongation MajorAxisLength MaximumDiameter MeshSurface MinorAxisLength Perimeter PerimeterSurfaceRatio "
    "PixelSurface Sphericity",
    "firstorder": "10Percentile:QG58 90Percentile:8DWT Energy:N8CA Entropy:TLU2 InterquartileRange:SALO Kurtosis:IPH6 "
    "Maximum:84IY MeanAbsoluteDeviation:4FUA Mean:Q4LE Median:Y12H Minimum:1GSF Range:2OJQ "
    "RobustMeanAbsoluteDeviation:1128 RootMeanSquared:5ZWQ Skewness:KE2A TotalEnergy Uniformity:BJ5W Variance:ECT3",
    "glcm": "Autocorrelation:QWB0 ClusterProminence:AE86 ClusterShade:7NFM ClusterTendency:DG8W Contrast:ACUI "
    "Correlation:NI2N DifferenceAverage:TF7R DifferenceEntropy:NTRS DifferenceVariance:D3YU Id:IB1Z Idm:WF0Z Idmn:1QCO "
    "Idn:NDRX Imc1:R8DG Imc2:JN9H InverseVariance:E8JP JointAverage:60VM JointEnergy:8ZQL JointEntropy:TU9B MCC "
    "MaximumProbability:GYBY SumAverage:ZGXS SumEntropy:P6QZ SumSquares:UR99",
    "gldm": "DependenceEntropy:FCBV DependenceNonUniformity:Z87G DependenceNonUniformityNormalized:OKJI "
    "DependenceVariance:DNX2 GrayLevelNonUniformity:FP8K GrayLevelVariance:1PFV HighGrayLevelEmphasis:OAE7 "
    "LargeDependenceEmphasis:IMOQ LargeDependenceHighGrayLevelEmphasis:9QMG LargeDependenceLowGrayLevelEmphasis:NBZI "
    "LowGrayLevelEmphasis:TL9H SmallDependenceEmphasis:SODN SmallDependenceHighGrayLevelEmphasis:JA6D "
    "SmallDependenceLowGrayLevelEmphasis:EQ3F",
    "glrlm": "GrayLevelNonUniformity:R5YN GrayLevelNonUniformityNormalized:OVBL GrayLevelVariance:8CE5 "
    "HighGrayLevelRunEmphasis:G3QZ LongRunEmphasis:W4KF LongRunHighGrayLevelEmphasis:3KUM "
    "LongRunLowGrayLevelEmphasis:IVPO LowGrayLevelRunEmphasis:V3SW RunEntropy:HJ9O RunLengthNonUniformity:W92Y "
    "RunLengthNonUniformityNormalized:IC23 RunPercentage:9ZK5 RunVariance:SXLW ShortRunEmphasis:22OV "
    "ShortRunHighGrayLevelEmphasis:GD3A ShortRunLowGrayLevelEmphasis:HTZT",
    "glszm": "GrayLevelNonUniformity:JNSA GrayLevelNonUniformityNormalized:Y1RO GrayLevelVariance:BYLV "
    "HighGrayLevelZoneEmphasis:5GN9 LargeAreaEmphasis:48P8 LargeAreaHighGrayLevelEmphasis:J17V "
    "LargeAreaLowGrayLevelEmphasis:YH51 LowGrayLevelZoneEmphasis:XMSY SizeZoneNonUniformity:4JP3 "
    "SizeZoneNonUniformityNormalized:VB3A SmallAreaEmphasis:5QRC SmallAreaHighGrayLevelEmphasis:HW1V "
    "SmallAreaLowGrayLevelEmphasis:5RAI ZoneEntropy:GU8N ZonePercentage:P30P ZoneVariance:3NSA",
    "ngtdm": "Busyness:NQ30 Coarseness:QCDE Complexity:HDEZ Contrast:65HE Strength:1X9X",
}

FEATURE_CODES: dict[str, dict[str, str]] = {
    family: {name: code for name, _, code in (word.partition(":") for word in words.split())}
    for family, words in _WORDS.items()
}
"""Names of the features of each family in PyRadiomics' order, with the IBSI code; empty where IBSI has none.

Entropy and Uniformity are those of the intensity histogram, as PyRadiomics defines them.

Source: Zwanenburg et al., Image biomarker standardisation initiative, arXiv:1612.07003.
"""

# Of these the standard "pyradiomics" has another definition: not the excess kurtosis, axes from the covariance over N.
_DIFFERENT = {"firstorder_Kurtosis", "shape_MajorAxisLength", "shape_MinorAxisLength", "shape_LeastAxisLength"}


def with_code(feature: str, standard: str) -> str:
    """Return the name of a feature with its IBSI code, ``original_firstorder_Mean_Q4LE``.

    A feature without a code, or of another definition than IBSI's, keeps its name.

    Parameters
    ----------
    feature : str
        ``image_family_feature``.
    standard : str
        Standard of the settings it was measured with: ``"pyradiomics"`` or ``"ibsi"``.
    """
    _, family, name = feature.rsplit("_", 2)
    code = FEATURE_CODES.get(family, {}).get(name, "")
    if not code or (standard != "ibsi" and f"{family}_{name}" in _DIFFERENT):
        return feature
    return f"{feature}_{code}"


def without_code(heading: str) -> str:
    """Return the name of a feature without the IBSI code that :func:`with_code` has added."""
    found = re.fullmatch(r"(.+_([^_]+)_([^_]+))_([0-9A-Z]{4})", heading)
    if found and FEATURE_CODES.get(found[2], {}).get(found[3]) == found[4]:
        return found[1]
    return heading

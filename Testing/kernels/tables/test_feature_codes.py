"""The IBSI codes of the features, beside sources of their own.

Each code stands with the heading that it has in the reference manual of the Image Biomarker Standardisation Initiative
(repository theibsi/ibsi-doc, docs/03_Image_features.rst, 13 December 2021). The text there has none for "small zone
emphasis": 5QRC is that of the DICOM standard (PS3.16, CID 7476) and of MIRP; pictologics 0.9.0 has P001 there. All
others are the same in pictologics 0.9.0 and in MIRP (docs_source/source/features_names.rst), too.
"""

import pytest
from pydicom.sr.codedict import codes

from mrbiomarkers.tables.feature_codes import FEATURE_CODES

CHECKED = {
    "shape": """
        Q3CK Elongation = Elongation
        N17B Flatness = Flatness
        7J51 LeastAxisLength = Least axis length
        TDIC MajorAxisLength = Major axis length
        L0JK Maximum3DDiameter = Maximum 3D diameter
        RNU0 MeshVolume = Volume (mesh)
        P9VJ MinorAxisLength = Minor axis length
        QCFX Sphericity = Sphericity
        C0JK SurfaceArea = Surface area (mesh)
        2PR5 SurfaceVolumeRatio = Surface to volume ratio
        YEKZ VoxelVolume = Volume (voxel counting)
    """,
    "firstorder": """
        QG58 10Percentile = 10th intensity percentile
        8DWT 90Percentile = 90th intensity percentile
        N8CA Energy = Intensity-based energy
        TLU2 Entropy = Discretised intensity entropy
        SALO InterquartileRange = Intensity interquartile range
        IPH6 Kurtosis = (Excess) intensity kurtosis
        84IY Maximum = Maximum intensity
        4FUA MeanAbsoluteDeviation = Intensity-based mean absolute deviation
        Q4LE Mean = Mean intensity
        Y12H Median = Median intensity
        1GSF Minimum = Minimum intensity
        2OJQ Range = Intensity range
        1128 RobustMeanAbsoluteDeviation = Intensity-based robust mean absolute deviation
        5ZWQ RootMeanSquared = Root mean square intensity
        KE2A Skewness = Intensity skewness
        BJ5W Uniformity = Discretised intensity uniformity
        ECT3 Variance = Intensity variance
    """,
    "glcm": """
        QWB0 Autocorrelation = Autocorrelation
        AE86 ClusterProminence = Cluster prominence
        7NFM ClusterShade = Cluster shade
        DG8W ClusterTendency = Cluster tendency
        ACUI Contrast = Contrast
        NI2N Correlation = Correlation
        TF7R DifferenceAverage = Difference average
        NTRS DifferenceEntropy = Difference entropy
        D3YU DifferenceVariance = Difference variance
        IB1Z Id = Inverse difference
        WF0Z Idm = Inverse difference moment
        1QCO Idmn = Normalised inverse difference moment
        NDRX Idn = Normalised inverse difference
        R8DG Imc1 = Information correlation 1
        JN9H Imc2 = Information correlation 2
        E8JP InverseVariance = Inverse variance
        60VM JointAverage = Joint average
        8ZQL JointEnergy = Angular second moment
        TU9B JointEntropy = Joint entropy
        GYBY MaximumProbability = Joint maximum
        ZGXS SumAverage = Sum average
        P6QZ SumEntropy = Sum entropy
        UR99 SumSquares = Joint variance
    """,
    "gldm": """
        FCBV DependenceEntropy = Dependence count entropy
        Z87G DependenceNonUniformity = Dependence count non-uniformity
        OKJI DependenceNonUniformityNormalized = Normalised dependence count non-uniformity
        DNX2 DependenceVariance = Dependence count variance
        FP8K GrayLevelNonUniformity = Grey level non-uniformity
        1PFV GrayLevelVariance = Grey level variance
        OAE7 HighGrayLevelEmphasis = High grey level count emphasis
        IMOQ LargeDependenceEmphasis = High dependence emphasis
        9QMG LargeDependenceHighGrayLevelEmphasis = High dependence high grey level emphasis
        NBZI LargeDependenceLowGrayLevelEmphasis = High dependence low grey level emphasis
        TL9H LowGrayLevelEmphasis = Low grey level count emphasis
        SODN SmallDependenceEmphasis = Low dependence emphasis
        JA6D SmallDependenceHighGrayLevelEmphasis = Low dependence high grey level emphasis
        EQ3F SmallDependenceLowGrayLevelEmphasis = Low dependence low grey level emphasis
    """,
    "glrlm": """
        R5YN GrayLevelNonUniformity = Grey level non-uniformity
        OVBL GrayLevelNonUniformityNormalized = Normalised grey level non-uniformity
        8CE5 GrayLevelVariance = Grey level variance
        G3QZ HighGrayLevelRunEmphasis = High grey level run emphasis
        W4KF LongRunEmphasis = Long runs emphasis
        3KUM LongRunHighGrayLevelEmphasis = Long run high grey level emphasis
        IVPO LongRunLowGrayLevelEmphasis = Long run low grey level emphasis
        V3SW LowGrayLevelRunEmphasis = Low grey level run emphasis
        HJ9O RunEntropy = Run entropy
        W92Y RunLengthNonUniformity = Run length non-uniformity
        IC23 RunLengthNonUniformityNormalized = Normalised run length non-uniformity
        9ZK5 RunPercentage = Run percentage
        SXLW RunVariance = Run length variance
        22OV ShortRunEmphasis = Short runs emphasis
        GD3A ShortRunHighGrayLevelEmphasis = Short run high grey level emphasis
        HTZT ShortRunLowGrayLevelEmphasis = Short run low grey level emphasis
    """,
    "glszm": """
        JNSA GrayLevelNonUniformity = Grey level non-uniformity
        Y1RO GrayLevelNonUniformityNormalized = Normalised grey level non-uniformity
        BYLV GrayLevelVariance = Grey level variance
        5GN9 HighGrayLevelZoneEmphasis = High grey level zone emphasis
        48P8 LargeAreaEmphasis = Large zone emphasis
        J17V LargeAreaHighGrayLevelEmphasis = Large zone high grey level emphasis
        YH51 LargeAreaLowGrayLevelEmphasis = Large zone low grey level emphasis
        XMSY LowGrayLevelZoneEmphasis = Low grey level zone emphasis
        4JP3 SizeZoneNonUniformity = Zone size non-uniformity
        VB3A SizeZoneNonUniformityNormalized = Normalised zone size non-uniformity
        5QRC SmallAreaEmphasis = Small zone emphasis
        HW1V SmallAreaHighGrayLevelEmphasis = Small zone high grey level emphasis
        5RAI SmallAreaLowGrayLevelEmphasis = Small zone low grey level emphasis
        GU8N ZoneEntropy = Zone size entropy
        P30P ZonePercentage = Zone percentage
        3NSA ZoneVariance = Zone size variance
    """,
    "ngtdm": """
        NQ30 Busyness = Busyness
        QCDE Coarseness = Coarseness
        HDEZ Complexity = Complexity
        65HE Contrast = Contrast
        1X9X Strength = Strength
    """,
}

WITHOUT = {
    "shape": {"Maximum2DDiameterColumn", "Maximum2DDiameterRow", "Maximum2DDiameterSlice"},
    "firstorder": {"TotalEnergy"},
    "glcm": {"MCC"},
}
# Words of the meaning that DICOM gives the codes of a family; it has codes of IBSI for these only.
IN_DICOM = {
    "glcm": (23, "of GLCM"),
    "glrlm": (16, "Run"),
    "glszm": (16, "Zone"),
    "gldm": (14, ""),
    "ngtdm": (5, "of NGTDM"),
    "shape": (11, ""),
}


def checked(family):
    """Name, code and heading of the features of a family."""
    lines = [line.strip() for line in CHECKED[family].strip().splitlines()]
    return [(line[5 : line.index(" = ")], line[:4], line[line.index(" = ") + 3 :]) for line in lines]


@pytest.mark.parametrize("family", CHECKED)
def test_codes_are_those_of_the_sources(family):
    ours = {name: code for name, code in FEATURE_CODES[family].items() if code}
    assert ours == {name: code for name, code, _ in checked(family)}
    assert {name for name, code in FEATURE_CODES[family].items() if not code} == WITHOUT.get(family, set())


def test_all_102_are_checked():
    found = [code for family in CHECKED for _, code, _ in checked(family)]
    assert len(found) == len(set(found)) == 102
    assert set(FEATURE_CODES) == {*CHECKED, "shape2D"}
    assert not any(FEATURE_CODES["shape2D"].values())


@pytest.mark.parametrize("family", IN_DICOM)
def test_dicom_has_the_codes_with_the_same_meaning(family):
    number, words = IN_DICOM[family]
    meanings = {code.value: code.meaning for code in codes.IBSI.concepts.values()}
    told = {code: meanings.get(code, "") for _, code, _ in checked(family)}

    assert len(told) == number
    assert [code for code, meaning in told.items() if not meaning or words not in meaning] == []
    for _, code, heading in checked(family):
        assert _alike(told[code], heading), (code, told[code], heading)


def _alike(meaning, heading):
    """Whether a meaning of DICOM and a heading of the manual have most words in common."""
    words = {word.strip("()").lower().replace("gray", "grey").replace("-", "") for word in heading.split()}
    other = {word.lower().replace("gray", "grey").replace("-", "") for word in meaning.split()}
    return len(words & other) >= len(words) / 2

"""The Image Biomarker Standardisation Initiative: its names of our features, its reference values, its phantoms."""

import csv

import SimpleITK as sitk  # noqa: N813

SHAPE = {
    "MeshVolume": "volume",
    "VoxelVolume": "vol_approx",
    "SurfaceArea": "area_mesh",
    "SurfaceVolumeRatio": "av",
    "Sphericity": "sphericity",
    "Maximum3DDiameter": "diam",
    "MajorAxisLength": "pca_maj_axis",
    "MinorAxisLength": "pca_min_axis",
    "LeastAxisLength": "pca_least_axis",
    "Elongation": "pca_elongation",
    "Flatness": "pca_flatness",
}
FIRST_ORDER = {
    "Mean": "mean",
    "Variance": "var",
    "Skewness": "skew",
    "Kurtosis": "kurt",
    "Median": "median",
    "Minimum": "min",
    "10Percentile": "p10",
    "90Percentile": "p90",
    "Maximum": "max",
    "InterquartileRange": "iqr",
    "Range": "range",
    "MeanAbsoluteDeviation": "mad",
    "RobustMeanAbsoluteDeviation": "rmad",
    "Energy": "energy",
    "RootMeanSquared": "rms",
}
CO_OCCURRENCE = {
    "MaximumProbability": "joint_max",
    "JointAverage": "joint_avg",
    "SumSquares": "joint_var",
    "JointEntropy": "joint_entr",
    "DifferenceAverage": "diff_avg",
    "DifferenceVariance": "diff_var",
    "DifferenceEntropy": "diff_entr",
    "SumAverage": "sum_avg",
    "SumEntropy": "sum_entr",
    "JointEnergy": "energy",
    "Contrast": "contrast",
    "Id": "inv_diff",
    "Idn": "inv_diff_norm",
    "Idm": "inv_diff_mom",
    "Idmn": "inv_diff_mom_norm",
    "InverseVariance": "inv_var",
    "Correlation": "corr",
    "Autocorrelation": "auto_corr",
    "ClusterTendency": "clust_tend",
    "ClusterShade": "clust_shade",
    "ClusterProminence": "clust_prom",
    "Imc1": "info_corr1",
    "Imc2": "info_corr2",
}
DIFFERENCES = {name: name.lower() for name in ("Coarseness", "Contrast", "Busyness", "Complexity", "Strength")}


def sized(size, level, sizes, names):
    """Features of runs, zones and dependences: ours, and the tags of IBSI by its letters."""
    found = {}
    for ours, first in ((f"{size[0]}{sizes}", names[0]), (f"{size[1]}{sizes}", names[1])):
        found[f"{ours}Emphasis"] = f"{first}e"
        found[f"{ours}LowGrayLevelEmphasis"] = f"{first}lge"
        found[f"{ours}HighGrayLevelEmphasis"] = f"{first}hge"
    found[f"LowGrayLevel{level}Emphasis"] = names[2]
    found[f"HighGrayLevel{level}Emphasis"] = names[3]
    return found


RUNS = {
    **sized(("Short", "Long"), "Run", "Run", ("sr", "lr", "lgre", "hgre")),
    "GrayLevelNonUniformity": "glnu",
    "GrayLevelNonUniformityNormalized": "glnu_norm",
    "RunLengthNonUniformity": "rlnu",
    "RunLengthNonUniformityNormalized": "rlnu_norm",
    "RunPercentage": "r_perc",
    "GrayLevelVariance": "gl_var",
    "RunVariance": "rl_var",
    "RunEntropy": "rl_entr",
}
ZONES = {
    **sized(("Small", "Large"), "Zone", "Area", ("sz", "lz", "lgze", "hgze")),
    "GrayLevelNonUniformity": "glnu",
    "GrayLevelNonUniformityNormalized": "glnu_norm",
    "SizeZoneNonUniformity": "zsnu",
    "SizeZoneNonUniformityNormalized": "zsnu_norm",
    "ZonePercentage": "z_perc",
    "GrayLevelVariance": "gl_var",
    "ZoneVariance": "zs_var",
    "ZoneEntropy": "zs_entr",
}
DEPENDENCES = {
    **sized(("Small", "Large"), "", "Dependence", ("ld", "hd", "lgce", "hgce")),
    "GrayLevelNonUniformity": "glnu",
    "DependenceNonUniformity": "dcnu",
    "DependenceNonUniformityNormalized": "dcnu_norm",
    "GrayLevelVariance": "gl_var",
    "DependenceVariance": "dc_var",
    "DependenceEntropy": "dc_entr",
}


def tags(aggregation):
    """Our names and the tags of IBSI: ``avg`` over directions, or ``comb``, merged."""
    families = [
        ("shape", "morph", SHAPE, ""),
        ("firstorder", "stat", FIRST_ORDER, ""),
        ("firstorder", "ih", {"Entropy": "entropy", "Uniformity": "uniformity"}, ""),
        ("glcm", "cm", CO_OCCURRENCE, f"_3D_{aggregation}"),
        ("glrlm", "rlm", RUNS, f"_3D_{aggregation}"),
        ("glszm", "szm", ZONES, "_3D"),
        ("gldm", "ngl", DEPENDENCES, "_3D"),
        ("ngtdm", "ngt", DIFFERENCES, "_3D"),
    ]
    return {
        f"original_{family}_{name}": f"{prefix}_{tag}{end}"
        for family, prefix, names, end in families
        for name, tag in names.items()
    }


def references(folder, name):
    """Return value and tolerance of each tag; ``folder`` is the shared data."""
    path = folder / "radiomics" / "ibsi1_reference_values" / f"ibsi_1_{name}.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    return {
        row["tag"]: (float(row["reference value"]), float(row["tolerance"])) for row in rows if row["reference value"]
    }


def phantom(folder, name):
    """Return image and mask."""
    return [sitk.ReadImage(folder / "radiomics" / name / f"{kind}.nii.gz") for kind in ("phantom", "mask")]

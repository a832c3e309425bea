"""How radiomic features are extracted from an image in a region."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from mrbiomarkers.checks import check_choice

FEATURE_FAMILIES = ("shape", "firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm")
IMAGE_FILTERS = ("original", "wavelet", "log", "square", "squareroot", "logarithm", "exponential", "gradient")
_STANDARDS = ("pyradiomics", "ibsi")
_INTERPOLATORS = ("nearest", "linear", "bspline")
_RESEGMENT_MODES = ("absolute", "relative", "sigma")
_AGGREGATIONS = ("average", "merge")
_WEIGHTINGS = ("infinity", "euclidean", "manhattan", "no_weighting")


@dataclass(frozen=True)
class RadiomicsSettings:
    """How radiomic features are extracted from an image in a region; the defaults are those of PyRadiomics.

    Attributes
    ----------
    standard : str
        ``"pyradiomics"``: equations and conventions of PyRadiomics. ``"ibsi"``: those of the Image Biomarker
        Standardisation Initiative where they differ: excess kurtosis, axis lengths from the covariance over N - 1, bins
        of a fixed size that start at ``bin_minimum``, directions merged, voxels without neighbours left out of the
        neighbouring grey tone matrix.
    label : int
        Value of the region in the mask, 1 or more.
    families : tuple of str
        Families of features, of :data:`FEATURE_FAMILIES`.
    filters : tuple of str
        Images that the features are measured on, in this order, of :data:`IMAGE_FILTERS`.
    bin_width : float
        Width of the bins of grey levels, in units of the image (after z-score and scale, if asked for).
    bin_count : int or None
        Number of bins between the smallest and the largest value of the region; takes the place of ``bin_width``.
    bin_minimum : float or None
        Where the first bin of the original image starts with standard ``"ibsi"``; None: at the lower end of
        ``resegment_range`` (mode ``"absolute"``), which is then required. The bins of a filtered image start at its
        smallest value in the region.
    normalize : bool
        Whether the image is turned into z-scores by mean and standard deviation of all its voxels.
    normalize_scale : float
        What the z-scores are multiplied by.
    remove_outliers : float or None
        Z-scores beyond this, up or down, are set to it; None: no limit.
    spacing : (3,) tuple of float [mm] or None
        Voxel size to resample to, in the order x, y, z (columns, rows, slices); 0: as it is. None: no resampling.
    interpolator : str
        ``"bspline"``, ``"linear"`` or ``"nearest"``, for the image; the mask is resampled to the nearest neighbour.
    pad_distance : int
        Voxels kept around the region when resampling: filters see no more than these.
    resample_mask : bool
        Whether a mask on another grid is brought onto the grid of the image, to the nearest neighbour.
    resegment_range : tuple of float or None
        Lower, or lower and upper limit of the values that stay in the region; None: all.
    resegment_mode : str
        ``"absolute"`` values, ``"relative"`` to the largest value of the region, or ``"sigma"``: standard deviations
        from the mean of the region.
    resegment_shape : bool
        Whether shape, too, is measured in the region that is left.
    minimum_dimensions : int
        Along how many axes the region must be longer than one voxel, 1 to 3.
    minimum_voxels : int or None
        A region of this size or smaller is refused; None: any of two voxels or more is measured.
    distances : tuple of int
        Distances [voxels] between the neighbours of GLCM, GLDM and NGTDM, as the largest step along an axis.
    force_2d : bool
        Whether neighbours, runs, zones and wavelets stay within slices.
    force_2d_axis : int
        The axis across these slices: 0, 1 or 2 for slices, rows, columns (k, j, i).
    symmetrical_glcm : bool
        Whether pairs of voxels count both ways round.
    aggregation : str or None
        GLCM and GLRLM features: ``"average"`` over directions, or from the sum of all matrices, ``"merge"``. None: as
        the standard says (PyRadiomics averages, IBSI merges).
    weighting_norm : str or None
        Matrices of the directions are added up with weights by their length: ``"infinity"``, ``"euclidean"``,
        ``"manhattan"``, or ``"no_weighting"``, which is ``"merge"``. None: no.
    gldm_alpha : float
        Largest difference of grey levels of dependent neighbours.
    voxel_array_shift : float
        Added to all values before Energy, Total Energy and Root Mean Squared.
    log_sigma : tuple of float [mm]
        Widths of the Laplacian of Gaussian; needed where ``"log"`` is in ``filters``.
    wavelet : str
        Wavelet; ``"coif1"`` is known.
    wavelet_start_level, wavelet_levels : int
        First level of the decomposition (from 0) and number of levels.
    gradient_use_spacing : bool
        Whether the gradient is per millimetre, or else per voxel.
    geometry_tolerance : float
        How much origin and voxel size (in voxels), and direction cosines of image and mask may differ.
    """

    standard: str = "pyradiomics"
    label: int = 1
    families: tuple[str, ...] = FEATURE_FAMILIES
    filters: tuple[str, ...] = ("original",)
    bin_width: float = 25.0
    bin_count: int | None = None
    bin_minimum: float | None = None
    normalize: bool = False
    normalize_scale: float = 1.0
    remove_outliers: float | None = None
    spacing: tuple[float, float, float] | None = None
    interpolator: str = "bspline"
    pad_distance: int = 5
    resample_mask: bool = False
    resegment_range: tuple[float, ...] | None = None
    resegment_mode: str = "absolute"
    resegment_shape: bool = False
    minimum_dimensions: int = 2
    minimum_voxels: int | None = None
    distances: tuple[int, ...] = (1,)
    force_2d: bool = False
    force_2d_axis: int = 0
    symmetrical_glcm: bool = True
    aggregation: str | None = None
    weighting_norm: str | None = None
    gldm_alpha: float = 0.0
    voxel_array_shift: float = 0.0
    log_sigma: tuple[float, ...] = ()
    wavelet: str = "coif1"
    wavelet_start_level: int = 0
    wavelet_levels: int = 1
    gradient_use_spacing: bool = True
    geometry_tolerance: float = 1e-6

    def __post_init__(self) -> None:
        check_choice("standard", self.standard, _STANDARDS)
        check_choice("interpolator", self.interpolator, _INTERPOLATORS)
        check_choice("resegment_mode", self.resegment_mode, _RESEGMENT_MODES)
        check_choice("wavelet", self.wavelet, ("coif1",))
        for name, choices in (("aggregation", _AGGREGATIONS), ("weighting_norm", _WEIGHTINGS)):
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), choices)
        _check_members("families", self.families, FEATURE_FAMILIES)
        _check_members("filters", self.filters, IMAGE_FILTERS)
        _check_numbers(self)
        _check_lists(self)
        if "log" in self.filters and not self.log_sigma:
            raise ValueError("log_sigma: expected at least one width in mm, as 3.0, for the filter 'log'; got none")

    @property
    def merges(self) -> bool:
        """Whether the matrices of all directions are added up."""
        if self.weighting_norm is not None:
            return True
        return self.aggregation == "merge" or (self.aggregation is None and self.standard == "ibsi")


def _check_members(name: str, values: tuple[str, ...], choices: tuple[str, ...]) -> None:
    if not values:
        raise ValueError(f"{name}: expected at least one of {', '.join(choices)}; got none")
    for value in values:
        check_choice(name, value, choices)
    if len(set(values)) < len(values):
        raise ValueError(f"{name}: expected each name once, got {', '.join(values)}")


def _check_numbers(settings: RadiomicsSettings) -> None:
    for name in ("bin_width", "normalize_scale", "remove_outliers", "geometry_tolerance"):
        value = getattr(settings, name)
        if value is not None and not 0 < value < float("inf"):
            raise ValueError(f"{name}: expected a number above 0, got {value}")
    for name in ("bin_minimum", "voxel_array_shift", "gldm_alpha"):
        value = getattr(settings, name)
        if value is not None and not isfinite(value):
            raise ValueError(f"{name}: expected a finite number, got {value}")
    least = {"label": 1, "bin_count": 1, "minimum_voxels": 0, "pad_distance": 0, "gldm_alpha": 0, "wavelet_levels": 1}
    least["wavelet_start_level"] = 0
    for name, low in least.items():
        value = getattr(settings, name)
        if value is not None and value < low:
            raise ValueError(f"{name}: expected {low} or more, got {value}")
    if settings.minimum_dimensions not in (1, 2, 3):
        raise ValueError(f"minimum_dimensions: expected 1, 2 or 3, got {settings.minimum_dimensions}")
    if settings.force_2d_axis not in (0, 1, 2):
        raise ValueError(f"force_2d_axis: expected 0, 1 or 2 (k, j, i), got {settings.force_2d_axis}")


def _check_lists(settings: RadiomicsSettings) -> None:
    spacing, limits = settings.spacing, settings.resegment_range
    if spacing is not None and (len(spacing) != 3 or not all(0 <= size < float("inf") for size in spacing)):
        raise ValueError(f"spacing: expected three voxel sizes in mm (x, y, z), 0 or more, got {spacing}")
    if limits is not None and not (1 <= len(limits) <= 2 and all(value == value for value in limits)):
        raise ValueError(f"resegment_range: expected one or two limits, got {limits}")
    if not settings.distances or any(distance < 1 or distance != int(distance) for distance in settings.distances):
        raise ValueError(f"distances: expected whole numbers of voxels, 1 or more, got {settings.distances}")
    if not all(0 < sigma < float("inf") for sigma in settings.log_sigma):
        raise ValueError(f"log_sigma: expected widths in mm above 0, got {settings.log_sigma}")

"""Enhanced multi-frame MR images: functional groups that all frames share, and those of each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import EnhancedMRImageStorage

from Testing.support.dicom.datasets import decimals, uid
from Testing.support.dicom.grid import Grid
from Testing.support.dicom.writing import Tags, save, set_pixels

_FRAME_CONTENT = 0x00209111
_DIMENSIONS = (0x00209056, 0x00209057, 0x00209128)  # stack, position in the stack, temporal position


def item(**fields: Any) -> Items:
    """A sequence of one item."""
    ds = Dataset()
    for keyword, value in fields.items():
        setattr(ds, keyword, value)
    return Items([ds])


def enhanced_dataset(base: Dataset, grid: Grid, *, image_type: Sequence[str], number: int = 1) -> Dataset:
    """An enhanced image without frames; timing, and nothing of the geometry, is shared."""
    ds = Dataset()
    ds.update(base)
    ds.SOPClassUID = EnhancedMRImageStorage
    ds.ImageType = list(image_type)
    ds.SOPInstanceUID = uid(base.SeriesInstanceUID, "enhanced", number)
    ds.InstanceNumber = number
    ds.AcquisitionNumber = number
    ds.VolumetricProperties, ds.VolumeBasedCalculationTechnique = "VOLUME", "NONE"
    shared = item(
        MRTimingAndRelatedParametersSequence=item(RepetitionTime="3000", FlipAngle="90"),
    )
    ds.SharedFunctionalGroupsSequence = shared
    ds.PerFrameFunctionalGroupsSequence = Items()
    pointers = [Dataset() for _ in _DIMENSIONS]
    for pointer, tag in zip(pointers, _DIMENSIONS, strict=True):
        pointer.DimensionOrganizationUID = uid(base.SeriesInstanceUID, "dimensions")
        pointer.DimensionIndexPointer, pointer.FunctionalGroupPointer = tag, _FRAME_CONTENT
    ds.DimensionIndexSequence = Items(pointers)
    ds.DimensionOrganizationSequence = item(DimensionOrganizationUID=pointers[0].DimensionOrganizationUID)
    return ds


def _geometry_groups(grid: Grid) -> dict[str, Items]:
    """Plane orientation and pixel measures, for the shared groups or those of a frame."""
    return {
        "PlaneOrientationSequence": item(ImageOrientationPatient=decimals([*grid.row, *grid.column])),
        "PixelMeasuresSequence": item(
            SliceThickness=decimals([grid.thickness])[0],
            SpacingBetweenSlices=decimals([grid.step])[0],
            PixelSpacing=decimals(grid.spacing),
        ),
    }


def add_frames(
    ds: Dataset, grid: Grid, stored: Any, order: Sequence[tuple[int, int]], tags: Tags, *, shared_geometry: bool
) -> None:
    """Add a frame for each (k, m) of ``order``; ``tags`` gets the groups of the frame."""
    if shared_geometry:
        for keyword, sequence in _geometry_groups(grid).items():
            setattr(ds.SharedFunctionalGroupsSequence[0], keyword, sequence)
    for k, m in order:
        groups = Dataset()
        groups.PlanePositionSequence = item(ImagePositionPatient=decimals(grid.position(0, 0, k)))
        groups.FrameContentSequence = item(
            StackID="1",
            InStackPositionNumber=k + 1,
            TemporalPositionIndex=m + 1,
            DimensionIndexValues=[1, k + 1, m + 1],
        )
        if not shared_geometry:
            for keyword, sequence in _geometry_groups(grid).items():
                setattr(groups, keyword, sequence)
        tags(groups, k, m)
        ds.PerFrameFunctionalGroupsSequence.append(groups)
    ds.NumberOfFrames = len(order)
    set_pixels(ds, np.stack([stored[k, :, :, m] for k, m in order]))


def write_enhanced(folder: Path, ds: Dataset) -> Path:
    """Write the image under the name of its instance number."""
    return save(ds, folder / f"EIM{int(ds.InstanceNumber):04d}.dcm")


def frame_type(*words: str, component: str = "MAGNITUDE") -> Items:
    """The MR Image Frame Type group."""
    return item(
        FrameType=list(words),
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        ComplexImageComponent=component,
        AcquisitionContrast="UNKNOWN",
    )


def rescale(slope: float, intercept: float = 0.0, kind: str = "US") -> Items:
    """The Pixel Value Transformation group."""
    return item(RescaleIntercept=decimals([intercept])[0], RescaleSlope=decimals([slope])[0], RescaleType=kind)

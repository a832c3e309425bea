"""A simulated subject as files and as nodes, for the tests of batches."""

from collections import namedtuple

import nrrd

from mrbiomarkers.files import write_echo_series, write_nifti_series, write_nrrd_sequence, write_regions
from mrbiomarkers.phantom import lumbar_diffusion, lumbar_fat_water
from mrbiomarkers.settings import DiffusionSettings
from Testing.support.volumes import pynrrd_write

SHAPE = (3, 48, 48)
ADC = DiffusionSettings(models=("adc",))

Subject = namedtuple("Subject", "folder series echoes regions affine")


def write_subject(folder):
    """Write a subject's files, and return what they hold."""
    phantom, echoes = lumbar_diffusion(shape=SHAPE), lumbar_fat_water(shape=SHAPE)
    regions = {level: phantom.regions[level] for level in ("L3", "L4")}
    affine = phantom.series.affine
    write_nifti_series(folder / "dwi.nii.gz", phantom.series)
    write_nrrd_sequence(folder / "dwi.seq.nrrd", phantom.series)
    write_echo_series(folder / "mag.nii.gz", echoes.series, phase_path=folder / "phase.nii.gz")
    write_regions(folder / "regions.seg.nrrd", regions, affine)
    return Subject(folder, phantom.series, echoes.series, regions, affine)


def case_of_files(data, **more):
    """A case of files."""
    folder = data.folder
    return {"subject": "S1", "series": folder / "dwi.nii.gz", "regions": str(folder / "regions.seg.nrrd"), **more}


def add_regions(regions, affine, name="Vertebrae"):
    """A segmentation node."""
    from mrbiomarkers.mrml import add_segmentation

    return add_segmentation(name, regions, affine)


def case_of_nodes(data, **more):
    """A case of nodes that hold the same."""
    from mrbiomarkers.mrml import add_diffusion_sequence

    series = add_diffusion_sequence(data.series, "DWI")
    return {"subject": "S1", "series": series, "regions": add_regions(data.regions, data.affine), **more}


def write_without_segment(source, target, name):
    """Copy a segmentation with the voxels of a segment taken out."""
    values, header = nrrd.read(str(source))
    number = next(key.split("_")[0] for key, text in header.items() if key.endswith("_Name") and text == name)
    values[values == int(header[f"{number}_LabelValue"])] = 0
    pynrrd_write(target, values, header)

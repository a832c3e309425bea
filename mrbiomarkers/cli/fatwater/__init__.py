"""``mrbiomarkers fatwater``: maps, a table and figures from multi-echo images, or from a scanner's own maps."""

from __future__ import annotations

import argparse
from itertools import chain
from typing import Any

import numpy as np

from mrbiomarkers.cli.bids_out import check_bids_options, write_bids
from mrbiomarkers.cli.dicom_out import check_dicom_options, dicom_output
from mrbiomarkers.cli.fatwater.inputs import map_paths, read_input_echoes, read_scanner_maps
from mrbiomarkers.cli.fatwater.options import make_parser, settings_of
from mrbiomarkers.cli.fatwater.outputs import say
from mrbiomarkers.cli.progress import terminal_progress
from mrbiomarkers.cli.regions import read_fit_mask, read_input_regions
from mrbiomarkers.files import check_output, prepare_output
from mrbiomarkers.jobs import run_fatwater, run_vendor_maps
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.study import map_suffix, write_fatwater_results, write_vendor_results


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    make_parser(commands).set_defaults(run=run, command="fatwater")


def run(options: argparse.Namespace) -> None:
    """Run the command; nothing is written, not even the folder, before the fits are done."""
    check_output(options.out, overwrite=options.overwrite)
    check_bids_options(options)
    check_dicom_options(options, options.series, maps=map_paths(options))
    if options.maps:
        _run_maps(options)
    else:
        _run_echoes(options)


def _run_echoes(options: argparse.Namespace) -> None:
    settings = settings_of(options)
    read = read_input_echoes(options)
    series, resample = read.series, options.resample_regions
    regions = read_input_regions(options.regions, series.grid_shape, series.affine, resample=resample)
    mask = read_fit_mask(options.mask, series.grid_shape, series.affine, resample=resample)
    dicom = dicom_output(options, read.instances, regions.masks)
    result = run_fatwater(
        series,
        regions.masks,
        settings=settings,
        identity=_identity(options),
        mask=read.mask if mask is None else mask,
        outside=regions.outside,
        progress=terminal_progress("Fitting voxels"),
    )
    out = prepare_output(options.out, overwrite=options.overwrite)
    suffix = map_suffix(options.series[0])
    write_fatwater_results(out, series, regions.masks, result, settings, suffix=suffix, notes=read.notes)
    write_bids(out, options, result.maps)
    notes = dicom.write(out, result.maps, regions.masks, series.affine, result.rows)
    say(out, result.rows, result.warnings, result.maps, notes=[*read.notes, *notes])


def _run_maps(options: argparse.Namespace) -> None:
    read = read_scanner_maps(options)
    first = next(iter(read.maps.values()))
    grid, resample = (np.asarray(first.values).shape, first.affine), options.resample_regions
    regions = read_input_regions(options.regions, *grid, resample=resample)
    mask = read_fit_mask(options.mask, *grid, resample=resample)
    dicom = dicom_output(options, chain.from_iterable(read.instances.values()), regions.masks, of_maps=read.instances)
    result = run_vendor_maps(read.maps, regions.masks, identity=_identity(options), mask=mask, outside=regions.outside)
    out = prepare_output(options.out, overwrite=options.overwrite)
    write_vendor_results(out, regions.masks, result, suffix=read.suffix)
    write_bids(out, options, result.maps)
    notes = dicom.write(out, result.maps, regions.masks, first.affine, result.rows)
    say(out, result.rows, result.warnings, result.maps, notes=notes)


def _identity(options: argparse.Namespace) -> MeasureSettings:
    return MeasureSettings(subject=options.subject, timepoint=options.timepoint, reader=options.reader)

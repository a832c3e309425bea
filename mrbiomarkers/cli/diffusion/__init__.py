"""``mrbiomarkers diffusion``: maps, a table and figures from one diffusion series."""

from __future__ import annotations

import argparse
from itertools import chain
from typing import Any

from mrbiomarkers.cli.bids_out import check_bids_options, write_bids
from mrbiomarkers.cli.dicom_out import check_dicom_options, dicom_output
from mrbiomarkers.cli.diffusion.inputs import read_fat, read_input_series
from mrbiomarkers.cli.diffusion.options import make_parser, settings_of
from mrbiomarkers.cli.diffusion.outputs import say
from mrbiomarkers.cli.progress import terminal_progress
from mrbiomarkers.cli.regions import read_fit_mask, read_input_regions
from mrbiomarkers.files import check_output, prepare_output, write_text
from mrbiomarkers.jobs import run_diffusion
from mrbiomarkers.registration import shift_table_csv
from mrbiomarkers.settings import MeasureSettings
from mrbiomarkers.study import map_suffix, write_diffusion_results


def add_parser(commands: Any) -> None:
    """Add the command to the parser."""
    make_parser(commands).set_defaults(run=run, command="diffusion")


def run(options: argparse.Namespace) -> None:
    """Run the command; nothing is written, not even the folder, before the fits are done."""
    check_output(options.out, overwrite=options.overwrite)
    check_bids_options(options)
    check_dicom_options(options, [options.series])
    settings = settings_of(options)
    read = read_input_series(options)
    series = read.series
    grid, resample = (series.grid_shape, series.affine), options.resample_regions
    regions = read_input_regions(options.regions, *grid, resample=resample)
    mask = read_fit_mask(options.mask, *grid, resample=resample)
    dicom = dicom_output(options, chain.from_iterable(read.instances), regions.masks)
    result = run_diffusion(
        series,
        regions.masks,
        settings=settings,
        identity=MeasureSettings(subject=options.subject, timepoint=options.timepoint, reader=options.reader),
        mask=mask,
        outside=regions.outside,
        fat=read_fat(options, series),
        progress=terminal_progress("Fitting voxels"),
    )
    out = prepare_output(options.out, overwrite=options.overwrite)
    write_diffusion_results(
        out,
        series,
        regions.masks,
        result,
        settings,
        suffix=map_suffix(options.series),
        acquisition=read.acquisition,
        notes=read.notes,
    )
    if read.motion is not None:
        write_text(out / "motion.csv", shift_table_csv(read.motion))
    write_bids(out, options, result.maps)
    notes = dicom.write(out, result.maps, regions.masks, series.affine, result.rows)
    say(out, result, [*read.notes, *notes])

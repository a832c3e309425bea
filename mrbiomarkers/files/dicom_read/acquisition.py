"""How a series was acquired, for reports: nothing in it tells who the patient is."""

from __future__ import annotations

from typing import Any

from mrbiomarkers.files.dicom_read.frames import Frame
from mrbiomarkers.files.dicom_read.groups import FrameHeader
from mrbiomarkers.files.dicom_read.tags import lenient

_TIMING, _AVERAGES, _GEOMETRY = (0x0018, 0x9112), (0x0018, 0x9119), (0x0018, 0x9125)
_MHZ_PER_TESLA = 42.577


def acquisition_of(frame: Frame) -> dict[str, Any]:
    """Return the parameters of acquisition that reports need; None where the header does not say.

    Returns
    -------
    dict
        ``vendor``, ``model``, ``field_strength`` [T], ``repetition_time`` [s], ``echo_time`` [s], ``flip_angle`` [deg],
        ``matrix`` (rows, columns), ``averages``, ``slice_thickness`` [mm], ``sequence`` and ``series_number``.
    """
    header = frame.header
    with lenient():
        return {
            "vendor": header.vendor or (*header.texts((0x0008, 0x0070)), None)[0],
            "model": (*header.texts((0x0008, 0x1090)), None)[0],
            "field_strength": field_strength(header),
            "repetition_time": _seconds(header.number_of((0x0018, 0x0080), _TIMING)),
            "echo_time": frame.echo_time,
            "flip_angle": _within(header.number_of((0x0018, 0x1314), _TIMING), 180),
            "matrix": (frame.rows, frame.columns),
            "averages": averages(header),
            "slice_thickness": frame.thickness,
            "sequence": (*header.texts((0x0018, 0x0020)), None)[0],
            "series_number": _whole(header.number_of((0x0020, 0x0011))),
        }


def averages(header: FrameHeader) -> float | None:
    """Return the number of averages (NEX), or None."""
    return _within(header.number_of((0x0018, 0x0083), _AVERAGES), 1e4)


def field_strength(header: FrameHeader) -> float | None:
    """Return the field strength [T], from the frequency of protons where it is not given."""
    told = header.number_of((0x0018, 0x0087))
    if told is not None and 0.05 <= told <= 20:
        return told
    if told is not None and 500 <= told <= 200_000:  # some write gauss
        return told / 10_000
    frequency = header.number_of((0x0018, 0x9098), (0x0018, 0x9006)) or header.number_of((0x0018, 0x0084))
    if frequency is None or frequency <= 0:
        return None
    megahertz = frequency / 1e6 if frequency > 1e5 else frequency
    return round(megahertz / _MHZ_PER_TESLA, 2) if 2 < megahertz < 850 else None


def readout_axis(header: FrameHeader) -> int | None:
    """Return the axis of the grid along which echoes are read (1: j, 2: i), or None."""
    way = (*header.texts((0x0018, 0x1312), _GEOMETRY), "")[0].upper()
    return {"ROW": 1, "COL": 2, "COLUMN": 2}.get(way)


def _seconds(milliseconds: float | None) -> float | None:
    value = _within(milliseconds, 6e4)
    return None if value is None else round(value / 1000, 10)


def _within(value: float | None, most: float) -> float | None:
    return value if value is not None and 0 < value <= most else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)

"""Simulated multi-echo signals with a forward model of their own: a plain sum over the peaks of Ren's marrow fat."""

import numpy as np

# ppm with water at 4.70, and relative amplitudes in thousandths (Ren 2008)
PPM = np.array([0.90, 1.30, 1.60, 2.02, 2.24, 2.75, 4.20, 5.19, 5.29])
AMPLITUDES = np.array([90.0, 584, 60, 85, 60, 15, 40, 10, 57])
SIX_ECHOES = (1.24 + 0.98 * np.arange(6)) * 1e-3


def echo_signal(times, tesla, pdff, rate, field, *, phase=0.0, size=1.0):
    """Signal (..., N) of PDFF [%], R2* [1/s] and field [Hz], water plus fat of the given size."""
    pdff, rate, field, phase, size = np.broadcast_arrays(pdff, rate, field, phase, size)
    echoes = []
    for t in times:
        fat = 0.0
        for ppm, amplitude in zip(PPM, AMPLITUDES, strict=True):
            fat = fat + amplitude / AMPLITUDES.sum() * np.exp(2j * np.pi * 42.577478518 * tesla * (ppm - 4.70) * t)
        mixture = (1 - pdff / 100) + pdff / 100 * fat
        echoes.append(size * mixture * np.exp(1j * phase + (2j * np.pi * field - rate) * t))
    return np.stack(echoes, axis=-1)


def with_complex_noise(signal, sigma, seed):
    """The signal with noise of standard deviation sigma in each channel."""
    noise = np.random.default_rng(seed).normal(0, sigma, (2, *signal.shape))
    return signal + noise[0] + 1j * noise[1]


def smooth_field(shape, span, seed=0):
    """A smooth field (K, J, I) between -span and span [Hz], steep enough to leave the first period of 1 ms echoes."""
    k, j, i = np.meshgrid(*(np.linspace(-1, 1, n) if n > 1 else np.zeros(1) for n in shape), indexing="ij")
    a, b, c = np.random.default_rng(seed).uniform(0.3, 1.0, 3)
    field = a * i + b * j**2 - c * i * j + 0.3 * k + 0.5 * np.exp(-((i - 0.4) ** 2 + (j + 0.3) ** 2) / 0.05)
    return (field - field.mean()) / np.abs(field - field.mean()).max() * span

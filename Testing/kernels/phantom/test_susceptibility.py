"""The field of a susceptibility, against shapes whose field is known, and what the shim leaves."""

from __future__ import annotations

import numpy as np
import pytest

from mrbiomarkers.phantom.fatwater_tissues import fat_water_tissues
from mrbiomarkers.phantom.scene import Scene
from mrbiomarkers.phantom.susceptibility import dipole_field, field_in_body, susceptibility_map

CHI = 9.41e-6
RADIUS = 12.0  # [mm]


def shares(inside, shape, spacing, n=4):
    """How much of each voxel lies inside, from n^3 points, and the coordinates of the centres [mm]."""
    centres = [(np.arange(size) - size // 2) * step for size, step in zip(shape, spacing, strict=True)]
    offsets = [((np.arange(n) + 0.5) / n - 0.5) * step for step in spacing]
    total = np.zeros(shape)
    for dx in offsets[0]:
        for dz in offsets[1]:
            for dy in offsets[2]:
                total += inside(
                    *np.meshgrid(*(c + d for c, d in zip(centres, (dx, dz, dy), strict=True)), indexing="ij")
                )
    return (total / n**3).astype(np.float32), np.meshgrid(*centres, indexing="ij")


def test_field_of_a_sphere():
    shape, spacing = (48, 96, 96), (2.0, 1.0, 1.0)
    share, (x, z, y) = shares(lambda x, z, y: x**2 + z**2 + y**2 < RADIUS**2, shape, spacing, n=3)
    field = dipole_field(np.float32(CHI) * share, spacing) / CHI
    assert field.dtype == np.float32
    distance = np.sqrt(x**2 + z**2 + y**2)
    near = (distance > RADIUS + 3) & (distance < 2.5 * RADIUS)
    expected = (RADIUS / distance[near]) ** 3 * (3 * (z[near] / distance[near]) ** 2 - 1) / 3
    # The mirror spheres of the periodic grid, 96 mm away, add (12 / 96)^3 2/3 = 0.0013 each; the largest is 0.34.
    assert abs(field[near] - expected).max() < 0.008
    assert np.sqrt(np.mean((field[near] - expected) ** 2)) < 0.0015
    assert abs(field[distance < RADIUS - 3]).mean() < 0.003


@pytest.mark.parametrize("along", ["slices", "B0"])
def test_field_of_a_long_cylinder(along):
    shape, spacing = (32, 128, 128) if along == "slices" else (128, 32, 128), (1.0, 1.0, 1.0)
    first = 1 if along == "slices" else 0
    share, axes = shares(lambda *at: at[first] ** 2 + at[2] ** 2 < RADIUS**2, shape, spacing, n=3)
    field = dipole_field(np.float32(CHI) * share, spacing) / CHI
    _, z, y = axes
    distance = np.hypot(axes[first], y)
    deep, near = distance < RADIUS - 3, (distance > RADIUS + 3) & (distance < 2.5 * RADIUS)
    # The mean of the field is 0, which shifts it by up to a third of the share of the volume, 2.8 %: tolerance 0.01.
    if along == "B0":
        np.testing.assert_allclose(field[deep], 1 / 3, atol=0.012)
        np.testing.assert_allclose(field[near], 0.0, atol=0.012)
    else:
        np.testing.assert_allclose(field[deep], -1 / 6, atol=0.02)
        expected = 0.5 * (RADIUS / distance[near]) ** 2 * (2 * (z[near] / distance[near]) ** 2 - 1)
        np.testing.assert_allclose(field[near], expected, atol=0.02)


def test_susceptibility_of_air_fat_and_their_mixture():
    fractions = {
        "air": np.array([1.0, 0.0, 0.0, 0.5], dtype=np.float32),
        "fat": np.array([0.0, 1.0, 0.0, 0.5], dtype=np.float32),
        "csf": np.array([0.0, 0.0, 1.0, 0.0], dtype=np.float32),
    }
    found = susceptibility_map(fractions, fat_water_tissues())
    np.testing.assert_allclose(found, (9.41e-6, 0.57e-6, 0.0, 4.99e-6), rtol=1e-5)


@pytest.fixture(scope="module")
def trunk():
    """A box of water with a ball of gas, air before and behind it."""
    scene = Scene((8, 64, 64), field_of_view=256.0)
    grid = scene.grid
    x, v, u = np.meshgrid(grid.x, grid.v, grid.u, indexing="ij")
    gas = x**2 + v**2 + (u - 40) ** 2 < 15**2
    air = abs(u - 14) > 90
    return scene, np.where(gas | air, np.float32(CHI), np.float32(0)), ~(gas | air), gas


def field_of(trunk, field_range=400.0, seed=0):
    scene, chi, body, _ = trunk
    return field_in_body(chi, scene.spacing, scene.grid, body, field_range, np.random.default_rng(seed))


def test_range_is_the_percentile_in_the_body(trunk):
    field = field_of(trunk)
    assert np.percentile(abs(field[trunk[2]]), 99.5) == pytest.approx(400.0, rel=1e-9)
    np.testing.assert_allclose(field_of(trunk, field_range=100.0), field / 4, rtol=1e-9)
    assert not field_of(trunk, field_range=0.0).any()
    assert not np.allclose(field_of(trunk, seed=1), field)


def test_field_bends_most_around_gas(trunk):
    field, (_, _, body, gas) = field_of(trunk), trunk
    bend = abs(np.diff(field, 2, axis=1))
    inner = body[:, 1:-1]
    close = inner & (np.roll(gas, 3, axis=1) | np.roll(gas, -3, axis=1))[:, 1:-1]
    assert bend[close].mean() > 5 * bend[inner & ~close].mean()


def test_without_gas_only_the_shim_is_left():
    scene = Scene((4, 32, 32), field_of_view=256.0)
    body = np.ones(scene.shape, dtype=bool)
    chi = np.zeros(scene.shape, dtype=np.float32)
    chi[0, 0, 0] = CHI  # an even field could not be scaled
    field = field_in_body(chi, scene.spacing, scene.grid, body, 100.0, np.random.default_rng(0))
    assert np.all(np.isfinite(field))

import nibabel as nib
import numpy as np
import pytest

from Testing.support.simulate import B_ALL, ivim_signal
from Testing.support.volumes import SMALL_AFFINE as AFFINE
from Testing.support.volumes import SMALL_SHAPE as SHAPE


@pytest.fixture
def signal():
    """Signal whose D encodes the voxel's superior position, so that a swapped axis shows in the table."""
    i, j, k = np.indices(SHAPE)
    superior = (AFFINE[:3, :3] @ np.stack([i, j, k]).reshape(3, -1) + AFFINE[:3, 3:])[2].reshape(SHAPE)
    slow = 0.3e-3 + 0.6e-3 * (superior - superior.min()) / np.ptp(superior)
    return ivim_signal(B_ALL, 500.0, np.full(SHAPE, 0.25)[..., None], slow[..., None], 0.03)[..., 0, :]


@pytest.fixture
def folder(tmp_path, signal):
    nib.save(nib.Nifti1Image(signal.astype(np.float32), AFFINE), tmp_path / "dwi.nii.gz")
    (tmp_path / "dwi.bval").write_text(" ".join(f"{b:g}" for b in B_ALL))
    for name, part in (("one", np.s_[1:3, 2:6, 1]), ("two", np.s_[3:6, 5:9, 2:4])):
        mask = np.zeros(SHAPE, np.uint8)
        mask[part] = 1
        nib.save(nib.Nifti1Image(mask, AFFINE), tmp_path / f"{name}.nii.gz")
    return tmp_path

"""What the modules of 3D Slicer share: the logic of regions and tables, batches, the frame of a panel, self tests."""

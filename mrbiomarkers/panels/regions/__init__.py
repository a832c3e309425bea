"""The section Regions: points, preview, a model's segmentation, drawing, the reader."""

"""The section Export: what there is to export, and tables, figures, maps, regions and DICOM objects as files."""

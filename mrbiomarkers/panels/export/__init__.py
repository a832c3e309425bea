"""The section Export: tables, figures, maps, regions and DICOM objects as files."""

"""What both inputs share: import of DICOM folders, maps of a scanner, a table of one value for each image."""

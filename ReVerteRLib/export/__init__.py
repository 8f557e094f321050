"""Files of a result for other programs: meshes, label maps, segmentations, DICOM. Import from the modules."""

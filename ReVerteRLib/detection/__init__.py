"""Automatic annotation: every vertebra found in both radiographs, labelled, in 3D. Import from the modules."""

"""Data sets: VerSe trees, patches, splits, synthetic CTs, the demo's sample. Import from the modules."""

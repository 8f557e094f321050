"""Measurements of a spine, silhouettes over the radiographs and their quality. Import from the modules."""

"""Statistical shapes of vertebrae: mean and modes per level group, and the floor that every network must beat.

Import from the modules.
"""

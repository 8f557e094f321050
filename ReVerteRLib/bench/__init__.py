"""Speed and memory, side by side with other programs: `reverter bench`."""

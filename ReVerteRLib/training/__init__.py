"""Training: typed configuration, the integrated loss, the loop with exact resume, plots. The loop needs torch."""

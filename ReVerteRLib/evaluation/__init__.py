"""How good reconstructions are: metrics, reports, the evaluation run. Import from the modules."""

"""The networks that an evaluation trains: segmenters and detectors, their batches and weights."""

"""Exported detectors: an ONNX file, how its outputs are laid out, and which layout fits its boxes."""

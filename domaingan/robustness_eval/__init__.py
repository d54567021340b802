"""Measure how a model holds up: anyone's detector or segmenter on corrupted frames."""

from domaingan.robustness_eval.model_specs import open_model
from domaingan.robustness_eval.model_under_test import Answer, Model, Picture
from domaingan.robustness_eval.run_robustness import robustness

__all__ = ["Answer", "Model", "Picture", "open_model", "robustness"]

"""One default in one place: an option that is not given and an argument that is not passed mean the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import typer

import domaingan as dg
from domaingan.cli import app
from domaingan.evaluation.evaluation_config import EvaluationConfig
from domaingan.gan.config import GANConfig

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
UNSET: Any = (None, (), [], False, {})
"""What stands for an argument that is not given."""


def list_option_defaults(command: str) -> dict[str, Any]:
    """The default of each option of a command, by its long flag."""
    options = {}
    for option in COMMANDS[command].params:
        flag = max(option.opts, key=len).lstrip("-")
        options[flag] = option.default
    return options


def list_argument_defaults(call: Callable[..., Any]) -> dict[str, Any]:
    """The default of each argument of a Python call."""
    parameters = inspect.signature(call).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty}


def list_field_defaults(config: type[GANConfig | EvaluationConfig]) -> dict[str, Any]:
    return {name: field.default for name, field in config.model_fields.items()}


@pytest.mark.parametrize(
    ("command", "call", "names"),
    [
        ("crops", dg.crops, {"size": "size", "condition": "condition", "masks": "masks", "seed": "seed"}),
        ("crops", dg.view, {"dims": "dims", "spacing": "spacing", "resize": "resize"}),
        ("crops", dg.load, {"layout": "layout"}),
        ("train", dg.GAN, {"arch": "arch", "width": "width"}),
        (
            "train",
            dg.GAN.fit,
            {
                "device": "device",
                "precision": "precision",
                "seed": "seed",
                "features": "features",
                "tensorboard": "tensorboard",
                "resume": "resume",
                "overwrite": "overwrite",
            },
        ),
        (
            "sample",
            dg.GAN.sample,
            {"seed": "seed", "device": "device", "hosts": "hosts", "truncation": "truncation", "reject": "reject"},
        ),
        (
            "blend",
            dg.Paste,
            {"method": "method", "only": "only", "atlas": "atlas", "overlap": "overlap", "region": "region"},
        ),
        ("blend", dg.Relight, {"method": "method", "only": "only"}),
        (
            "evaluate",
            dg.evaluate,
            {
                "task": "task",
                "arms": "arms",
                "seeds": "seeds",
                "dims": "dims",
                "folds": "k",
                "test": "test",
                "train-where": "train_where",
                "test-where": "test_where",
                "limit": "limits",
                "bank": "bank",
                "spacing": "spacing",
                "resize": "resize",
                "seed": "seed",
                "resume": "resume",
                "overwrite": "overwrite",
            },
        ),
        (
            "robustness",
            dg.robustness,
            {
                "map": "mapping",
                "corruptions": "corruptions",
                "resize": "resize",
                "seed": "seed",
                "resume": "resume",
                "overwrite": "overwrite",
            },
        ),
    ],
)
def test_a_command_and_its_python_call_have_the_same_defaults(
    command: str, call: Callable[..., Any], names: dict[str, str]
) -> None:
    options, arguments = list_option_defaults(command), list_argument_defaults(call)
    for flag, name in names.items():
        both_unset = options[flag] in UNSET and arguments[name] in UNSET
        assert both_unset or options[flag] == arguments[name], f"--{flag} and {name}="


def test_evaluate_has_the_defaults_of_the_evaluations_config() -> None:
    options, fields = list_option_defaults("evaluate"), list_field_defaults(EvaluationConfig)
    names = ["gan_steps", "gan_samples", "width", "backbone", "detector", "precision"]
    assert {name: options[name.replace("_", "-")] for name in names} == {name: fields[name] for name in names}


def test_blend_pastes_as_many_crops_as_paste_does_and_as_strong_as_relight_does() -> None:
    options = list_option_defaults("blend")
    assert (1, options["per-image"]) == list_argument_defaults(dg.Paste)["per_image"]
    assert options["strength"] is None and options["placement"] is None  # left to Relight and Paste


def test_every_command_takes_json_seed_and_verbose() -> None:
    for name in COMMANDS:
        options = list_option_defaults(name)
        assert (options["json"], options["seed"], options["verbose"]) == (False, 0, False), name

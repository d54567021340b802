"""``domaingan evaluate``."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict, replace

from domaingan.cli import options as o
from domaingan.cli.evaluate_host_options import HostOptions
from domaingan.cli.evaluate_options import (
    BaselineOptions,
    ComputeOptions,
    GeneratorOptions,
    SplitOptions,
    TrainerOptions,
)
from domaingan.cli.open_data import open_data
from domaingan.cli.option_groups import CommonOptions, DataOptions, GridOptions, RunOptions, expand_options
from domaingan.cli.output import check_output_folder, print_result
from domaingan.cli.parse_options import parse_conditions, parse_height_width, parse_limits
from domaingan.cli.study_options import StudyOptions

NAME = "evaluate"


@expand_options
def command(
    data: o.Data,
    out: o.Out,
    *,
    study: StudyOptions,
    split: SplitOptions,
    baseline: BaselineOptions,
    generator: GeneratorOptions,
    unlabelled: HostOptions,
    compute: ComputeOptions,
    trainer: TrainerOptions,
    grid: GridOptions,
    source: DataOptions,
    run: RunOptions,
    common: CommonOptions,
) -> None:
    """Measure whether augmented training data helps a model.

    A baseline network is trained with each arm and seed, and tested on subjects
    that nothing was trained on. An arm is one way of making training data.

    OUT/report.html shows the answer, OUT/result.json has every number.
    An interrupted run continues with --resume.
    """
    from domaingan.core.progress_bar import ProgressBar
    from domaingan.evaluation import evaluate

    if not run.resume:
        check_output_folder(out, data, run.overwrite)
    # A limit is on the samples that are trained on: the test samples stay as they are.
    dataset = open_data(data, replace(source, limit=None), common)
    other_source = DataOptions(skip_problems=source.skip_problems, intensity_range=source.intensity_range)
    test_dataset = None if split.test is None else open_data(split.test, other_source, CommonOptions())
    hosts = None if unlabelled.hosts is None else open_data(unlabelled.hosts, other_source, CommonOptions())
    # What is not an argument of evaluate is a field of its config, under the same name.
    settings = asdict(baseline) | asdict(generator) | asdict(compute) | asdict(trainer)
    if baseline.steps is None:
        del settings["steps"]
    with ProgressBar("evaluating") as progress:
        result = evaluate(
            dataset,
            study.task,
            None if study.arms is None else study.arms.split(","),
            study.seeds,
            out,
            dims=grid.dims,
            k=split.folds,
            sets=split.sets,
            set_size=split.set_size,
            test=test_dataset,
            train_where=parse_conditions(split.train_where, "--train-where"),
            test_where=parse_conditions(split.test_where, "--test-where"),
            limits=parse_limits(source.limit),
            hosts=hosts,
            hosts_teacher=unlabelled.hosts_teacher,
            sweep=study.sweep or (),
            curve=study.curve,
            aa=study.aa,
            headroom=study.headroom,
            spacing=grid.spacing,
            resize=parse_height_width(grid.resize),
            seed=common.seed,
            resume=run.resume,
            overwrite=run.overwrite,
            progress=progress,
            command=shlex.join(["domaingan", *sys.argv[1:]]),
            **settings,
        )
    if trainer.export is not None:
        n = len(result["datasets"])
        message = f"{n} datasets are in {trainer.export}/train; {trainer.export}/README.md says how to go on"
        print_result({"export": str(trainer.export), **result}, common.json, message)
        return
    from domaingan.report import write_report
    from domaingan.report.headroom_phrases import list_headroom_sentences
    from domaingan.report.verdict_phrases import list_result_lines

    report = write_report(out)
    lines = list_headroom_sentences(result)
    if not lines or result["primary"] is not None:
        lines += list_result_lines(result)
    message = "\n".join([*lines, str(report)])
    print_result({**result, "report": str(report)}, common.json, message)

"""The ``README.md`` beside exported datasets: how to train on them, and where the predictions go."""

from __future__ import annotations

from domaingan.evaluation.external_trainer.export_manifest import DETECTIONS_FILE, ExportManifest

_NNUNET_STEPS = """
With nnU-Net v2, `train/` is its `nnUNet_raw`. For each dataset, with its number in place of 501:

```
export nnUNet_raw=$PWD/train nnUNet_preprocessed=$PWD/preprocessed nnUNet_results=$PWD/results
nnUNetv2_plan_and_preprocess -d 501 -c 3d_fullres
nnUNetv2_train 501 3d_fullres all
nnUNetv2_predict -d 501 -c 3d_fullres -f all -i test/fold-0/imagesTs -o predictions/Dataset501_NAME
```

Use the same plans for every arm (`nnUNetv2_move_plans_between_datasets`), or the arms differ in more than their data.
`splits_final.json` in each dataset has folds in which the copies of a case stay together; copy it into the folder of
that dataset in `nnUNet_preprocessed` if you train with folds.
"""

_MASK_RULE = """
A prediction is a mask on the test image's own grid, under the name of the test sample, such as
`predictions/{name}/{sample}{suffix}`, with the values of the classes.
"""

_DETECTION_RULE = f"""
A prediction is one file `predictions/{{name}}/{DETECTIONS_FILE}`: a list of
`{{{{"sample": "{{sample}}", "category": "CLASS", "bbox": [x, y, width, height], "score": 0.9}}}}`,
in pixels of the test image. COCO's `image_id`, `file_name` and `category_id` are understood in place of `sample` and
`category`.
"""


def write_guide(manifest: ExportManifest) -> str:
    """Write the text of ``README.md`` for exported datasets.

    Args:
        manifest: what was exported.
    """
    first, test = manifest.datasets[0], manifest.tests[0]
    name = first.folder.removeprefix("train/")
    suffix = ".png" if manifest.layout in ("masks", "coco") else ".nii.gz"
    rule = _DETECTION_RULE if manifest.config.task == "detection" else _MASK_RULE
    lines = [
        "# Training data of an evaluation",
        "",
        f"`train/` holds {len(manifest.datasets)} datasets in the layout `{manifest.layout}`: one for each arm, fold",
        "and seed. `test/` holds the test images of each fold, without labels. `manifest.json` lists all of them.",
        "",
        "1. Train once on each dataset: the same network, the same number of steps, the seed in the dataset's name.",
        "2. Predict the test images of its fold, and write the predictions to the folder that the manifest names.",
        "3. Score them: `domaingan evaluate DATA --predictions THIS_FOLDER --out RUN`, with the exported data.",
        "",
        "Classic augmentation is the trainer's own in every arm. Each training sample is in a dataset "
        f"{manifest.copies} times,",
        "every time with another paste, so that all arms have the same number of samples.",
        rule.format(name=name, sample=test.samples[0], suffix=suffix),
    ]
    if manifest.layout == "nnunet":
        lines.append(_NNUNET_STEPS)
    return "\n".join(lines)

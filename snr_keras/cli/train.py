"""`snr train`: train a model on folders of images, and test it on domains that it never saw."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from snr_keras.cli.console import console, say
from snr_keras.cli.data import parse_image_size
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.names import check_plan, chosen_data, planned
from snr_keras.cli.options import (
    DISTANCE_HELP,
    Comparison,
    Flip,
    ImageSize,
    Overrides,
    Protocol,
    Recipe,
    Resume,
    Root,
    Source,
    SourceImages,
    Target,
    Use,
    Watch,
)
from snr_keras.cli.tables import results_table, say_left_out_queries
from snr_keras.files.text import decimal_number
from snr_keras.networks import BACKBONES, NORMALIZATIONS, PYTORCH_BACKBONES
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.recipes import load_recipe
from snr_keras.reid.settings.testing import TestSettings
from snr_keras.reid.settings.training import STRATEGIES, TrainingConfig, check_strategy

if TYPE_CHECKING:
    import keras

    from snr_keras.reid.targets import TargetResult

_DEFAULTS, _TEST_DEFAULTS = TrainingConfig(), TestSettings()
_IMAGE_SIZE = "{}x{}".format(*_DEFAULTS.image_size)


app = typer.Typer()


@app.command("train")
def train_command(
    ctx: typer.Context,
    recipe: Recipe = None,
    overrides: Overrides = None,
    source: Source = None,
    source_images: SourceImages = None,
    domain_balanced: Annotated[
        bool, typer.Option("--domain-balanced", help="Equal numbers of people from every source in each batch.")
    ] = False,
    target: Target = None,
    comparison: Comparison = None,
    use: Use = None,
    out: Annotated[Path, typer.Option(help="Run folder to write.")] = Path("runs/train"),
    root: Root = Path("data"),
    resume: Resume = False,
    strategy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"Train on several devices or machines: {' or '.join(STRATEGIES)}."),
    ] = None,
    normalization: Annotated[
        str,
        typer.Option(
            help=f"Normalization in or after the stages: {', '.join(NORMALIZATIONS)}.",
            autocompletion=lambda: list(NORMALIZATIONS),
        ),
    ] = _DEFAULTS.normalization,
    backbone: Annotated[
        str,
        typer.Option(
            help="resnet_small (for 64x32), resnet50 (Keras', for 256x128), or one for PyTorch weights: "
            "torchvision_resnet50 or fastreid_resnet50, also with 18, 34 and 101.",
            autocompletion=lambda: list(BACKBONES),
        ),
    ] = _DEFAULTS.backbone,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Initial weights. For resnet50: imagenet, or a Keras file. For PyTorch backbones: a .safetensors "
            "or .pth file. Default: random."
        ),
    ] = None,
    image_size: ImageSize = _IMAGE_SIZE,
    epochs: Annotated[int, typer.Option(help="Passes over the training images.")] = _DEFAULTS.epochs,
    identities_per_batch: Annotated[int, typer.Option(help="P of the P x K batches.")] = _DEFAULTS.identities_per_batch,
    images_per_identity: Annotated[int, typer.Option(help="K of the P x K batches.")] = _DEFAULTS.images_per_identity,
    learning_rate: Annotated[
        float, typer.Option(help="Largest learning rate, after the warm-up.")
    ] = _DEFAULTS.learning_rate,
    warmup_epochs: Annotated[
        float, typer.Option(help="Epochs in which the learning rate rises.")
    ] = _DEFAULTS.warmup_epochs,
    snr_weights: Annotated[
        str,
        typer.Option(
            metavar="A,B,C,D", help="Weights of L_SNR after the four stages; 0,0,0,0 trains SNR without its loss."
        ),
    ] = ",".join(map(str, _DEFAULTS.snr_weights)),
    held_out: Annotated[
        float,
        typer.Option(
            help="Fraction of the source's people to hold out, such as 0.1; the model of the epoch with the "
            "best scores on them is tested and loaded. 0: the model of the last epoch."
        ),
    ] = _DEFAULTS.held_out,
    watch: Watch = False,
    seed: Annotated[
        int, typer.Option(help="Seed of initial weights, batches, augmentation, and held-out people.")
    ] = _DEFAULTS.seed,
    mixed_precision: Annotated[
        str, typer.Option(help="float32, mixed_float16 or mixed_bfloat16.")
    ] = _DEFAULTS.mixed_precision,
    jit_compile: Annotated[bool, typer.Option("--jit-compile", help="Compile the step with XLA.")] = False,
    erasing: Annotated[
        float,
        typer.Option(help="Probability of random erasing, which helps on the source and hurts on unseen domains."),
    ] = _DEFAULTS.augmentation.erasing,
    distance: Annotated[str, typer.Option(help=f"For retrieval: {DISTANCE_HELP}")] = _TEST_DEFAULTS.distance,
    protocol: Protocol = None,
    flip: Flip = False,
) -> None:
    """Train a model on one or several source domains and test it on target domains.

    The run folder holds config.json, metrics.jsonl, TensorBoard logs, the last checkpoints, a picture of the loss
    curves and, with --target, results.json and ranked galleries. Ctrl-C saves before it stops; --resume with the same
    options continues from there. Every image is decoded before training starts, and unusable files are named.

    With --recipe, settings come from the recipe, changed by --set. Options on the command line override both. The
    defaults below apply to settings that none of them gives.

    With --strategy mirrored, every GPU of this machine gets its part of a batch. With --strategy multi_worker, the same
    command runs on several machines, which TF_CONFIG names, with a run folder that all of them can reach.
    """
    if strategy is not None:
        check_strategy(strategy)
    settings = load_recipe(recipe, overrides or ())
    given = {name for name in ctx.params if str(ctx.get_parameter_source(name)).endswith("COMMANDLINE")}
    config = _with_options(settings.training, {name: ctx.params[name] for name in given})
    test = replace(settings.test, **{f.name: ctx.params[f.name] for f in fields(settings.test) if f.name in given})
    data = chosen_data(
        settings.data, source=source, source_images=source_images, target=target, comparison=comparison, use=use
    )
    plan = planned(data)
    if watch and not plan.targets:
        raise ValueError("--watch tests on targets: name one with --target DATASET.")
    check_plan(plan, root)

    load_keras()
    from snr_keras.cli.experiment import open_experiment
    from snr_keras.cli.targets import evaluate_targets, told_apart
    from snr_keras.cli.weights import show_account
    from snr_keras.models import embedder
    from snr_keras.reid.runs import RichProgress, is_chief, make_strategy, starting_account
    from snr_keras.reid.runs.watching import Watching
    from snr_keras.reid.targets import embed_trials, score_trials
    from snr_keras.reid.training import read_gates, train
    from snr_keras.reid.visualization import save_loss_curves

    devices = make_strategy(strategy) if strategy is not None else None  # before anything else uses TensorFlow
    dataset, _, _, opened = open_experiment(plan, test, root)
    targets = told_apart(opened)

    def test_on_targets(model: keras.Model) -> list[TargetResult]:
        results = []
        for trials in targets:
            with progress_bar(f"watching {trials[0].name}") as progress:
                embedded = embed_trials(embedder(model), trials, flip=test.flip, progress=progress)
                results.append(
                    score_trials(embedded, distance=test.distance, protocol=test.protocol, progress=progress)
                )
        return results

    from_pytorch = config.weights and config.backbone in PYTORCH_BACKBONES
    if from_pytorch and not resume and (devices is None or is_chief(devices)):
        show_account(starting_account(config, dataset.train.num_identities))
    shown = RichProgress(say)
    progress = Watching(shown, out, test_on_targets, say) if watch else shown
    model = train(config, dataset, out, resume=resume, progress=progress, strategy=devices)
    if devices and not is_chief(devices):
        say(f"This worker is done. The first worker wrote the run folder: {out}")
        return
    save_loss_curves({config.normalization: out}, out / "loss_curves.png")
    for layer, gate in read_gates(out).items():
        say(f"{layer}: {gate}")
    if targets:
        results = evaluate_targets(
            embedder(model),
            targets,
            out / "evaluation",
            distance=test.distance,
            protocol=test.protocol,
            flip=test.flip,
        )
        console.print(results_table(results, title=f"{dataset.name} -> targets, {config.normalization}"))
        say_left_out_queries(results)
    say(f"Run folder: {out}. Test it elsewhere with: {shlex.join(['snr', 'evaluate', str(out)])} --target FOLDER")


def _with_options(config: TrainingConfig, options: dict[str, Any]) -> TrainingConfig:
    """The settings, changed by those options that are settings."""
    changed = {f.name: options[f.name] for f in fields(config) if f.name in options}
    for name, parse in (("image_size", parse_image_size), ("snr_weights", parse_weights)):
        if name in changed:
            changed[name] = parse(changed[name])
    if "erasing" in options:
        changed["augmentation"] = replace(config.augmentation, erasing=options["erasing"])
    return replace(config, **changed)


def parse_weights(text: str) -> tuple[float, float, float, float]:
    """Four numbers from "0.1,0.1,0.5,0.5".

    Raises:
        ValueError: If they are not four numbers.
    """
    try:
        one, two, three, four = (decimal_number(weight) for weight in text.split(","))
    except ValueError:
        raise ValueError(f"The weights must be four numbers, such as 0.1,0.1,0.5,0.5. Received: {text!r}") from None
    return one, two, three, four

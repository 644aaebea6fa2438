"""`snr bench`: the cost of SNR on this machine, compared with named baselines."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from snr_keras.cli.commands import Commands
from snr_keras.cli.console import console, say
from snr_keras.cli.frameworks import load_keras
from snr_keras.cli.names import check_targets
from snr_keras.cli.options import MODEL_HELP, Root, data_sets, runs
from snr_keras.files.atomic import write_json
from snr_keras.files.text import whole_number
from snr_keras.reid.bars import progress_bar
from snr_keras.reid.settings.benchmarks import MARKET, TASKS
from snr_keras.reid.settings.formats import PRECISIONS, UNFIT
from snr_keras.reid.settings.paths import check_run

if TYPE_CHECKING:
    from snr_keras.reid.experiments.benchmarks import EvaluationTiming, ExportTiming, LayerTiming, TrainTiming
    from snr_keras.reid.experiments.benchmarks.first_steps import FirstSteps

app = typer.Typer(
    name="bench",
    cls=Commands,
    no_args_is_help=True,
    help="Measure the cost of SNR on this machine, compared with named baselines.",
)


@app.callback()
def bench() -> None:
    """Measure the cost of SNR on this machine, compared with named baselines."""


@app.command("layer")
def layer_command(
    shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NxHxWxC",
            help="Shape of a feature map; may be repeated. Default: three stages of ResNet-50, 32 images.",
        ),
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32, float64, mixed_bfloat16 or mixed_float16.")] = "float32",
    jit_compile: Annotated[
        bool, typer.Option("--jit-compile", help="Compile the whole step: with XLA, on PyTorch with torch.compile.")
    ] = False,
    repeats: Annotated[int, typer.Option(min=1, help="Timed runs of each baseline; medians are shown.")] = 9,
    out: Annotated[Path | None, typer.Option(help="Also write the results to this JSON file.")] = None,
    add_to: Annotated[
        Path | None, typer.Option(help="Also add the results and this machine to this JSON file of many machines.")
    ] = None,
) -> None:
    """Time a training step of the SNR layer: forward, three embeddings, backward.

    The baselines are the same equations computed literally, and keras.layers.GroupNormalization(groups=-1), a plain
    instance norm, which computes less; runs alternate. The floor is the time of eight one-way passes over the feature
    map at the memory bandwidth measured in the same run. The backend is that of KERAS_BACKEND: tensorflow, jax or
    torch.
    """
    shapes = [parse_shape(text) for text in shape or ()]
    load_keras()
    import keras

    from snr_keras.reid.experiments.benchmarks import benchmark_layer
    from snr_keras.reid.experiments.benchmarks.layer import SHAPES
    from snr_keras.reid.experiments.benchmarks.machine import add_result, machine

    say(machine())
    console.print(f"{keras.backend.backend()}, {dtype}, {'compiled as a whole' if jit_compile else 'as usual'}")
    rows = benchmark_layer(
        shapes or SHAPES,
        dtype=dtype,
        jit_compile=jit_compile,
        repeats=repeats,
        progress=lambda row: console.print(f"timed {'x'.join(map(str, row.shape))}", style="dim"),
    )
    console.print(layer_table(rows))
    ratios = ("of_literal", "of_group_norm", "of_floor")
    results = [asdict(row) | {name: getattr(row, name) for name in ratios} for row in rows]
    if out is not None:
        write_json(out, results)
    if add_to is not None:
        add_result(add_to, results)


def parse_shape(text: str) -> tuple[int, ...]:
    """The shape that "32x64x32x256" says; ValueError if it has no such form."""
    try:
        images, *sizes, channels = (whole_number(part, least=1) for part in text.split("x"))
    except ValueError:
        sizes = []
    if not sizes:
        raise ValueError(f"The shape of a feature map must be NxHxWxC, such as 32x64x32x256. Received: {text!r}")
    return (images, *sizes, channels)


def layer_table(rows: list[LayerTiming]) -> Table:
    """Times in milliseconds, SNR's ratio to each baseline, and peak memory in feature maps."""
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),  # which lets it fit 80 columns
        caption="GN: GroupNormalization(groups=-1). Times in ms; memory of SNR in feature maps, without the input.",
        caption_justify="left",
    )
    table.add_column("\nfeature map", no_wrap=True)
    for heading in ("\nSNR", "\nliteral", "\nGN", "\nfloor", "SNR/\nliteral", "SNR/\nGN", "SNR/\nfloor", "\nmemory"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        times = (f"{1e3 * t:.1f}" for t in (row.snr, row.literal, row.group_norm, row.floor))
        ratios = (f"{r:.2f}" for r in (row.of_literal, row.of_group_norm, row.of_floor))
        memory = "" if row.snr_memory is None else f"{row.snr_memory:.1f}"
        table.add_row("x".join(map(str, row.shape)), *times, *ratios, memory)
    return table


@app.command("evaluation")
def evaluation_command(
    task: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TASK]...", help=f"Tasks to time: {', '.join(TASKS)}. Default: all of them."),
    ] = None,
    queries: Annotated[int, typer.Option(min=1, help="Query images.")] = MARKET[0],
    gallery: Annotated[int, typer.Option(min=1, help="Gallery images.")] = MARKET[1],
    width: Annotated[int, typer.Option(min=1, help="Length of a feature vector.")] = MARKET[2],
    baselines: Annotated[bool, typer.Option(help="Also time torchreid, if it is installed.")] = True,
    repeats: Annotated[int, typer.Option(min=1, help="Timed runs of each; medians are shown.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Also write the results to this JSON file.")] = None,
) -> None:
    """Time retrieval evaluation and re-ranking, by default at the size of Market-1501.

    The features are random, of as many people. From distances: CMC, mAP and mINP, compared with torchreid's compiled
    evaluation and its Python one. From embeddings: the same without a matrix of distances. re_ranking: compared with
    torchreid's, which needs 13 GB at this size and takes minutes (--no-baselines leaves it out), and with the products
    of all features with all, the least that any exact method must do. Memory is the most that the process grows by. If
    the backend has a GPU, snr_keras computes its products there.

    torchreid is optional: pip install git+https://github.com/KaiyangZhou/deep-person-reid adds it.
    """
    load_keras()
    from snr_keras.devices import on_cpu
    from snr_keras.reid.experiments.benchmarks import benchmark_evaluation

    rows = benchmark_evaluation(
        queries,
        gallery,
        width,
        tasks=tuple(task or TASKS),
        baselines=baselines,
        repeats=repeats,
        progress=lambda row: console.print(f"{row.task}, {row.name}: {row.seconds:.2f} s", style="dim"),
    )
    device = "CPU" if on_cpu() else "GPU"
    say(f"{queries} queries, {gallery} gallery images, features of length {width}, float32, on the {device}")
    console.print(evaluation_table(rows))
    if out is not None:
        size = {"queries": queries, "gallery": gallery, "width": width}
        write_json(out, [size | asdict(row) for row in rows])


def evaluation_table(rows: list[EvaluationTiming]) -> Table:
    """Seconds, memory in gigabytes, and the ratio of snr_keras to each baseline."""
    ours = {row.task: row for row in rows if row.name == "snr_keras"}
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("task", no_wrap=True)
    table.add_column("")
    for heading in ("seconds", "GB", "snr_keras / this"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        memory = "" if row.memory is None else f"{row.memory / 1e9:.2f}"
        ratio = "" if row.name == "snr_keras" else f"{ours[row.task].seconds / row.seconds:.3f}"
        table.add_row(row.task, row.name, f"{row.seconds:.2f}", memory, ratio)
    return table


@app.command("train")
def train_command(
    batch: Annotated[
        int | None, typer.Option(help="Images per batch, four of each person. Default: 16 on a CPU, 64 on a GPU.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Timed runs of each step; medians are shown.")] = 9,
    out: Annotated[Path | None, typer.Option(help="Also write the results to this JSON file.")] = None,
) -> None:
    """Time a training step of ResNet-50 at 256x128 with SNR and without, and its input pipeline.

    If PyTorch is installed, also time a step of ResNet-50 with SNR in plain PyTorch, with the same shapes and losses.
    Runs alternate. The input pipeline reads, decodes and augments JPEG files, with all cores and with one.
    """
    load_keras()
    from snr_keras.reid.experiments.benchmarks import benchmark_training

    with progress_bar("measuring") as progress:
        timing = benchmark_training(batch, repeats=repeats, progress=progress)
    console.print(train_table(timing))
    if timing.pytorch is None:
        say("PyTorch is not installed, so its step is not timed. To install it: pip install torch")
    if out is not None:
        ratios = ("added", "fraction", "images_per_second", "pipeline_of_step", "scaling", "of_pytorch")
        write_json(out, asdict(timing) | {name: getattr(timing, name) for name in ratios})


def train_table(timing: TrainTiming) -> Table:
    """Milliseconds per step, images per second, and their ratios."""
    height, width = timing.image_size
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"{timing.device}, {timing.cores} cores; {timing.backbone}, {timing.batch} images of {height}x{width}",
        title_justify="left",
    )
    table.add_column("")
    for heading in ("ms per step", "images/s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")

    def step(name: str, seconds: float, remark: str) -> None:
        table.add_row(name, f"{1e3 * seconds:.0f}", f"{timing.batch / seconds:.1f}", remark)

    step("step without SNR", timing.plain, "")
    step("step with SNR", timing.snr, f"{timing.added:+.1%}; SNR takes {timing.fraction:.1%} of it")
    if timing.pytorch is not None:
        step("in PyTorch", timing.pytorch, f"with SNR here / there: {timing.of_pytorch:.2f}")
    table.add_section()
    if timing.pipeline_one_core is not None:
        table.add_row("input pipeline, 1 core", "", f"{timing.pipeline_one_core:.0f}", "")
    scaling = "" if timing.scaling is None else f", {timing.scaling:.2f} times one core"
    remark = f"{timing.pipeline_of_step:.0f} times the step with SNR{scaling}"
    table.add_row(f"input pipeline, {timing.cores} cores", "", f"{timing.pipeline:.0f}", remark)
    return table


@app.command("first-steps")
def first_steps_command(
    repeats: Annotated[int, typer.Option(min=1, help="Processes of each kind; medians are shown.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Also write the results to this JSON file.")] = None,
) -> None:
    """Time the first three steps of the small network with SNR and without, then three with a second image size.

    TensorFlow traces and compiles in them. Each measurement is a process of its own: the step of snr train, fit, and
    one eager call of the layer, beside Keras' instance norm. Imports do not count. Takes about two minutes a repeat.
    """
    load_keras()
    from snr_keras.reid.experiments.benchmarks.first_steps import benchmark_first_steps

    with progress_bar("measuring") as progress:
        rows = benchmark_first_steps(repeats, progress=progress)
    console.print(first_steps_table(rows))
    if out is not None:
        write_json(out, [asdict(row) | {"added": row.added} for row in rows])


def first_steps_table(rows: list[FirstSteps]) -> Table:
    """Seconds with SNR and without, and their difference."""
    table = Table(box=box.SIMPLE_HEAD, caption="in seconds; of an eager call, Keras' instance norm is without SNR")
    table.add_column("first steps of", no_wrap=True)
    for heading in ("image size", "without SNR", "with SNR", "added"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        seconds = (f"{seconds:.2f}" for seconds in (row.plain, row.snr, row.added))
        table.add_row(row.way, "x".join(map(str, row.image_size)), *seconds)
    return table


@app.command("export")
def export_command(
    run: Annotated[str, typer.Argument(metavar="[RUN]", help=MODEL_HELP, autocompletion=runs)] = "pretrained",
    target: Annotated[
        str, typer.Option(metavar="DATASET", help="Data set to test on; see snr evaluate.", autocompletion=data_sets)
    ] = "night",
    root: Root = Path("data"),
    precision: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"Precision to measure: {', '.join((*PRECISIONS, *UNFIT))}; may be repeated. "
            f"Default: all that snr export writes, which {' and '.join(UNFIT)} is not.",
        ),
    ] = None,
    repeats: Annotated[int, typer.Option(min=0, help="Timed runs of each; medians are shown. 0 times nothing.")] = 30,
    out: Annotated[Path | None, typer.Option(help="Also write the results to this JSON file.")] = None,
) -> None:
    """Compare the formats of snr export: size, latency on this machine, and accuracy.

    Exports a run in every format and every precision of the format, runs each in its runtime for one picture and for 32
    at once, and tests each on a target domain. The first line is the Keras model. All runtimes use their default number
    of threads.
    """
    check_run(run)
    check_targets([target], root)
    load_keras()
    from snr_keras.cli.targets import open_targets
    from snr_keras.reid.experiments.benchmarks import benchmark_export

    ((dataset, *_),) = open_targets([target], root, distance="cosine", protocol=None)
    rows = benchmark_export(
        run,
        dataset,
        precisions=precision or tuple(PRECISIONS),
        repeats=repeats,
        progress=lambda row: console.print(f"measured {row.format}, {row.precision}", style="dim"),
    )
    console.print(export_table(rows))
    if out is not None:
        write_json(out, [asdict(row) for row in rows])


def export_table(rows: list[ExportTiming]) -> Table:
    """One row per format and precision."""
    table = Table(
        box=box.SIMPLE_HEAD,
        caption="differs: largest difference of embeddings from Keras, over their largest; mAP and Rank-1 in per cent",
        caption_justify="left",
    )
    table.add_column("\nformat", no_wrap=True)
    table.add_column("\nprecision", no_wrap=True)
    for heading in ("\nMB", "ms\nfor 1", "ms\nfor 32", "\ndiffers", "\nmAP", "\nRank-1"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        size = "" if row.size is None else f"{row.size / 1e6:.2f}"
        times = ("" if seconds is None else f"{1e3 * seconds:.1f}" for seconds in (row.one, row.batch))
        figures = (f"{100 * figure:.1f}" for figure in (row.mAP, row.rank1))
        difference = f"{row.difference / row.largest:.1e}" if row.difference else ""
        table.add_row(row.format, row.precision, size, *times, difference, *figures)
    return table

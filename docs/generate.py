"""The figures in the pages, from the files that the measuring commands wrote: nobody types a number.

    python docs/generate.py            # rewrites every generated block of README.md and docs/
    python docs/generate.py --check    # exits with 1 if one differs from its data

A block stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`; `BLOCKS` says what makes it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from textwrap import fill
from typing import Any

DOCS = Path(__file__).parent
PAGES = (DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md")))


def _read(name: str) -> Any:
    return json.loads((DOCS / "data" / name).read_text(encoding="utf-8"))


#: `snr ablate in snr-fixed snr --recipe study --set training.epochs=20 --seeds 3`: its summary.json.
LONGER: dict[str, Any] = _read("longer_training.json")
#: Part A of the study, eight seeds: its summary.json.
STUDY_STEPS: dict[str, Any] = _read("study_steps.json")
#: Its second command, three seeds of all variants: its summary.json.
STUDY_ALL: dict[str, Any] = _read("study_all.json")
#: Of part C the trainings on `dusk`: their summary.json.
STUDY_FROM_DUSK: dict[str, Any] = _read("study_from_dusk.json")
#: `snr evaluate --target data/restyled` of its models of seeds 13 to 17: the scores, by variant a list by seed.
STUDY_PHOTOGRAPHS: dict[str, Any] = _read("study_photographs.json")
#: Its part D, the readings of the loss that were screened: their summary.json.
STUDY_READINGS: dict[str, Any] = _read("study_readings.json")
#: Of them the two best, with eight new seeds: their summary.json.
STUDY_CONFIRMED: dict[str, Any] = _read("study_confirmed.json")
#: Its part F, from which the shipped model is chosen: its summary.json.
STUDY_SHIPPED: dict[str, Any] = _read("study_shipped.json")
#: `snr ablate snr-no-loss --recipe study --set training.seed=13 --seeds 5 --jobs 1`: its summary.json.
STUDY_THREADS: dict[str, Any] = _read("study_threads.json")
#: `snr bench layer --add-to docs/data/bench_layer_machines.json` on each machine, with each `KERAS_BACKEND`, and with
#: `--jit-compile`.
BENCH_MACHINES: list[dict[str, Any]] = _read("bench_layer_machines.json")
#: `python docs/floor.py`: what it wrote.
FLOOR: dict[str, dict[str, float]] = _read("floor.json")
#: The same benchmark on an H100, with 31 repeats.
BENCH_GPU: dict[str, list[dict[str, Any]]] = {
    "JAX": _read("bench_layer_jax_gpu.json"),
    "PyTorch": _read("bench_layer_torch_gpu.json"),
}
#: `snr bench evaluation --out ...`, with torchreid installed.
BENCH_EVALUATION: list[dict[str, Any]] = _read("bench_evaluation.json")
#: Re-ranking without it, at the sizes of Market-1501 and MSMT17.
BENCH_RE_RANKING: list[dict[str, Any]] = _read("bench_re_ranking.json")
#: `snr bench evaluation embeddings --out ...` at several sizes.
BENCH_EVALUATION_EMBEDDINGS: list[dict[str, Any]] = _read("bench_evaluation_embeddings.json")
#: `snr bench train --out ...`, with PyTorch installed.
BENCH_TRAIN: dict[str, Any] = _read("bench_train.json")
#: `snr bench first-steps --out ...`.
BENCH_FIRST_STEPS: list[dict[str, Any]] = _read("bench_first_steps.json")
#: `python docs/families.py`: what it wrote.
FAMILIES: list[dict[str, Any]] = _read("families.json")
#: `python -m tests.frameworks.agreement`: what it wrote.
AGREEMENT: list[dict[str, Any]] = _read("pytorch_agreement.json")
#: `python -m tests.frameworks.errors`: what it wrote.
ERRORS: list[dict[str, Any]] = _read("framework_errors.json")
#: `python docs/examples/digits.py`, and the same with segmentation.py.
OTHER_TASKS: dict[str, dict[str, Any]] = {name: _read(f"{name}.json") for name in ("digits", "segmentation")}
#: `python docs/examples/adaptation.py`, and the same with `--sources day,dusk`.
ADAPTATION: dict[str, Any] = _read("adaptation.json")
ADAPTATION_TWO_SOURCES: dict[str, Any] = _read("adaptation_two_sources.json")
#: The same with `--target dusk --seeds 1`, and `snr adapt --set adaptation.consistency_weight=...` of its models.
ADAPTATION_WEIGHT: dict[str, Any] = _read("adaptation_weight.json")
#: `snr bench export --target night --out ...`.
BENCH_EXPORT: list[dict[str, Any]] = _read("bench_export.json")
#: `snr bench export --precision int8 --precision full_int8 --repeats 0 --out ...`.
BENCH_INT8: list[dict[str, Any]] = _read("bench_int8.json")

#: Which methods of these are compared, the first with the second.
ADAPTATION_PAIRS = (
    ("MAR", "direct"),
    ("direct, trained further", "direct"),
    ("MAR", "direct, trained further"),
    ("MAR, published weight", "direct, trained further"),
    ("SNR", "direct"),
    ("SNR + MAR", "SNR"),
    ("SNR, trained further", "SNR"),
    ("SNR + MAR", "SNR, trained further"),
    ("SNR + MAR, published weight", "SNR, trained further"),
    ("SNR + MAR", "MAR"),
    ("SNR + MAR, published weight", "MAR, published weight"),
)

#: The hypotheses of the study: steps, and the probability below which one is shown, for four of them.
HYPOTHESES = {"in - none": "H1", "snr-fixed - in": "H2", "snr-no-loss - snr-fixed": "H3", "snr - snr-no-loss": "H4"}
#: What the paper reports of them, Market-1501 to DukeMTMC-reID, in points of mAP; H2 is there H2 and H3 together.
OF_THE_PAPER = {"H1": "+4.3", "H2": "+2.0", "H4": "+7.5"}
SHOWN_BELOW = 0.05 / len(HYPOTHESES)
#: A step is worth little if its interval over seeds lies within so much of mAP.
LITTLE = 0.01

#: In this order the plan prefers variants that are as good, for the model that is shipped.
FEWEST_PARTS_FIRST = ("none", "in", "ibn-b", "aibn", "snr-fixed", "snr-no-loss", "snr")

TASKS = {"distances": "figures from distances", "re_ranking": "re-ranking"}
TIMES = ["SNR", "literal", "GN", "floor", "SNR / literal", "SNR / GN"]

#: The frameworks whose errors are measured.
FRAMEWORKS = {
    "numpy": "NumPy",
    "torch": "PyTorch",
    "jax": "JAX, jit",
    "keras-tf": "Keras on TensorFlow, eager",
    "keras-tf-graph": "Keras on TensorFlow, graph",
    "keras-tf-xla": "Keras on TensorFlow, XLA",
    "keras-jax": "Keras on JAX, jit",
    "keras-torch": "Keras on PyTorch",
    "onnx-runtime": "Keras in ONNX Runtime",
    "litert": "Keras in LiteRT",
}

#: The columns of their table, with the functions of each.
FAMILIES_OF_FUNCTIONS = {
    "forward": ("instance_norm", "channel_attention", "snr", "snr_closed_form"),
    "losses and distances": (
        *("cosine_distance", "euclidean_distance", "dual_causality_loss", "cross_entropy"),
        *("batch_hard_triplet_loss", "total_objective", "objective"),
    ),
    "gradients": (
        *("instance_norm_vjp", "channel_attention_vjp", "snr_vjp", "cosine_distance_vjp", "euclidean_distance_vjp"),
        *("dual_causality_gradients", "cross_entropy_gradient", "batch_hard_triplet_gradient"),
    ),
}


def results_summary(results: dict[str, Any]) -> str:
    """Five models, on the source domain and on the others."""
    home, targets = results["home"], results["targets"]
    models = {
        "none": "plain network",
        "in": "instance norm",
        "snr": "SNR",
        "snr-fixed": "SNR, gate fixed at 1/2",
        "aibn": "AIBN",
    }
    rows = [
        [f"source domain: {home}", *(_both(results, model, [home]) for model in models)],
        [f"unseen domains: mean of {', '.join(targets)}", *(_both(results, model, targets) for model in models)],
    ]
    return _table(["", *models.values()], map(_unbroken, map(_best_in_bold, rows)))


def longer_training(shorter: dict[str, Any], longer: dict[str, Any]) -> str:
    """By how much SNR, learned or fixed, is above instance norm after fewer epochs and after more, seed by seed."""
    seeds, first = len(longer["figures"]["in"]), longer["settings"]["training"]["seed"]
    rows = []
    for where, domains in (("unseen", longer["targets"]), (longer["home"], [longer["home"]])):
        for ours in ("snr", "snr-fixed"):
            for results in (shorter, longer):
                pairs = zip(values(results, ours, domains)[:seeds], values(results, "in", domains)[:seeds], strict=True)
                found = [a - b for a, b in pairs]
                epochs = str(results["settings"]["training"]["epochs"])
                rows.append([where, f"`{ours}` - `in`", epochs, *(f"{each:+.1f}" for each in found), _signed(found)])
    names = [f"seed {first + number}" for number in range(seeds)]
    return _table(["tested on", "difference", "epochs", *names, "mean ± standard deviation"], map(_unbroken, rows))


def ablation(results: dict[str, Any]) -> str:
    """A row a variant: source, targets and their mean, and by how much SNR is above it."""
    home, targets, bootstrap = results["home"], results["targets"], results["bootstrap"]
    rows = [
        [
            f"`{name}`",
            *(_both(results, name, domains) for domains in ([home], *([target] for target in targets), targets)),
            _with_interval(results["differences"].get(name)),
        ]
        for name in results["figures"]
    ]
    trainings, epochs = len(results["figures"]["snr"]), results["settings"]["training"]["epochs"]
    confidence = f"{100 * bootstrap['confidence']:.0f} %"
    about = (
        f"mAP / Rank-1 in per cent, mean ± standard deviation of {trainings} trainings, {epochs} epochs on `{home}`.\n"
        "In the last column, the mean difference in mAP ± its standard deviation from seed to seed, in brackets its\n"
        f"{confidence} interval over queries ({bootstrap['resamples']} paired resamples), which covers no training."
    )
    headings = ["variant", f"{home} (source)", *targets, "**mean of targets**", "snr - variant"]
    return f"{about}\n\n{_table(headings, map(_unbroken, rows))}"


def study_variants(results: dict[str, Any]) -> str:
    """A row a variant: source, targets and their mean."""
    home, targets = results["home"], results["targets"]
    rows = [
        [f"`{name}`", *(_both(results, name, domains) for domains in ([home], *([t] for t in targets), targets))]
        for name in results["figures"]
    ]
    return _table(["variant", f"{home} (source)", *targets, "**mean of targets**"], map(_unbroken, rows))


def study_steps(results: dict[str, Any]) -> str:
    """A row a hypothesis: what its step adds on unseen domains, and what is decided; then the secondary comparisons."""
    compared = {
        **{step: (hypothesis, results["steps"][step]) for step, hypothesis in HYPOTHESES.items()},
        **{f"snr - {other}": ("", results["differences"][other]) for other in ("aibn", "ibn-b")},
    }
    rows = [
        [
            f"{hypothesis} {cells[0]}".lstrip(),
            *cells[1:-1],
            f"**{decision(found)}**" if hypothesis else "",
            OF_THE_PAPER.get(hypothesis, ""),
            cells[-1],
        ]
        for step, (hypothesis, found) in compared.items()
        for cells in [_difference(results, step, found)]
    ]
    headings = [*_DIFFERENCE[:-1], "decided", "paper", _DIFFERENCE[-1]]
    return _table(headings, map(_unbroken, rows))


def study_sources(of_sources: Mapping[str, dict[str, Any]]) -> str:
    """A row a step: what it adds on unseen domains, a column for each source to train on."""
    rows = [
        [
            "{} `{}` - `{}`".format(hypothesis, *step.split(" - ")),
            *(_signed([100 * each for each in results["steps"][step]["by_seed"]]) for results in of_sources.values()),
        ]
        for step, hypothesis in HYPOTHESES.items()
    ]
    seeds = {source: len(results["figures"]["snr"]) for source, results in of_sources.items()}
    return _table(["step", *(f"{source}, {n} seeds" for source, n in seeds.items())], map(_unbroken, rows))


def study_random(results: dict[str, Any]) -> str:
    """The secondary comparison of a gate that is trained and one that is not."""
    step = "snr-no-loss - snr-random"
    return _table(_DIFFERENCE, map(_unbroken, [_difference(results, step, results["steps"][step])]))


def study_confirmed(results: dict[str, Any]) -> str:
    """A row a reading that is confirmed, against no loss; then the loss as specified, and the readings against it."""
    best = [name for name in best_held_out(STUDY_READINGS) if name != "snr"][:2]
    rows = []
    for name in (*best, "snr"):
        found = results["steps"][f"{name} - snr-no-loss"]
        cells = _difference(results, f"{name} - snr-no-loss", found)
        decided = decision(found, shown_below=0.05 / len(best))
        rows.append([*cells[:-1], f"**{decided}**" if name in best else "", cells[-1]])
    for name in best:
        cells = _difference(results, f"{name} - snr", _reversed(results["differences"][name]))
        rows.append([*cells[:-1], "", cells[-1]])
    return _table([*_DIFFERENCE[:-1], "decided", _DIFFERENCE[-1]], map(_unbroken, rows))


def _reversed(found: dict[str, Any]) -> dict[str, Any]:
    """The difference of the same two variants the other way round."""
    swapped = {"low": "high", "high": "low", "seeds_low": "seeds_high", "seeds_high": "seeds_low", "mean": "mean"}
    negative = {key: -found[other] for key, other in swapped.items()}
    return {**found, **negative, "by_seed": [-difference for difference in found["by_seed"]]}


_DIFFERENCE = ["step", "mAP", "over seeds", "p", "over queries", "detectable", "source"]


def _difference(results: dict[str, Any], step: str, found: dict[str, Any]) -> list[str]:
    """What is reported of the difference of two variants."""
    ours, theirs = step.split(" - ")
    at_home = [[100 * run[results["home"]]["mAP"] for run in results["figures"][name]] for name in (ours, theirs)]
    return [
        f"`{ours}` - `{theirs}`",
        _signed([100 * difference for difference in found["by_seed"]]),
        _between(found["seeds_low"], found["seeds_high"]),
        f"{found['p']:.2g}",
        _between(found["low"], found["high"]),
        f"{100 * found['detectable']:.1f}",
        _signed([a - b for a, b in zip(*at_home, strict=True)]),
    ]


def study_photographs(results: dict[str, Any]) -> str:
    """A row a variant."""
    rows = [[f"`{name}`", _both(results, name, ["restyled"])] for name in results["figures"]]
    return _table(["variant", "restyled photographs"], map(_unbroken, rows))


def study_held_out(results: dict[str, Any], what: str) -> str:
    """A row a variant, the best first: its scores on held-out people of the source."""
    scores = {name: [100 * score for score in seeds] for name, seeds in results["held_out"].items()}
    first = results["settings"]["training"]["seed"]
    rows = [
        [f"`{name}`", *(f"{score:.1f}" for score in scores[name]), f"{mean(scores[name]):.1f}"]
        for name in best_held_out(results)
    ]
    seeds = [f"seed {first + number}" for number in range(len(scores["snr"]))]
    return _table([what, *seeds, "mean"], rows)


def best_held_out(results: dict[str, Any]) -> list[str]:
    """The names of the variants, that with the highest mean on held-out people first."""
    return sorted(results["held_out"], key=lambda name: mean(results["held_out"][name]), reverse=True)


def shipped(results: dict[str, Any]) -> str:
    """The variant that the plan of the study ships: that of the fewest parts within half a point of the best."""
    means = {name: mean(scores) for name, scores in results["held_out"].items()}
    return next(name for name in FEWEST_PARTS_FIRST if means[name] >= max(means.values()) - 0.005)


def study_threads(one: dict[str, Any], two: dict[str, Any]) -> str:
    """The mean over the targets, seed by seed, of trainings that differ in the number of threads."""
    targets, first = two["targets"], two["settings"]["training"]["seed"]
    of_two = values(two, "snr-no-loss", targets)
    of_one = values(one, "snr-no-loss", targets)[first - one["settings"]["training"]["seed"] :][: len(of_two)]
    differences = [a - b for a, b in zip(of_two, of_one, strict=True)]
    rows = [
        [name, *(f"{value:.1f}" for value in found), _spread(found)]
        for name, found in (("one thread", of_one), ("two threads", of_two))
    ]
    rows.append(["difference", *(f"{difference:+.1f}" for difference in differences), _signed(differences)])
    seeds = [f"seed {first + number}" for number in range(len(of_two))]
    return _table(["", *seeds, "mean ± standard deviation"], map(_unbroken, rows))


def decision(found: dict[str, Any], shown_below: float = SHOWN_BELOW) -> str:
    """What the plan of the study decides of a step."""
    decided = []
    if found["p"] < shown_below:
        decided.append("shown" if found["mean"] > 0 else "shown to harm")
    if found["seeds_low"] > -LITTLE and found["seeds_high"] < LITTLE:
        decided.append("worth little")
    return ", ".join(decided) or "open"


def study_summary(results: dict[str, Any]) -> str:
    """What the study found, in a few sentences."""
    steps = {name: results["steps"][step] for step, name in HYPOTHESES.items()}
    points = {name: 100 * found["mean"] for name, found in steps.items()}
    shown = [name for name, found in steps.items() if decision(found) == "shown"]
    if shown != ["H1", "H2"]:
        raise ValueError(f"The sentences say that H1 and H2 are shown, and no other. Decided: {shown}")
    seeds = len(results["figures"]["snr"])
    return fill(
        f"A study with {seeds} seeds, its rules fixed before its trainings on `day`, finds on unseen domains: instance "
        f"normalization gains {points['H1']:.1f} points of mAP. Adding back half of what it removed, after four "
        f"stages in place of three, gains {points['H2']:.1f} more. Learning how much to add back, by SNR's gate, shows "
        f"no gain ({points['H3']:+.1f}), and neither does its dual causality loss ({points['H4']:+.1f}). Two simpler "
        "mixtures of norms, AIBN and IBN-b, are above SNR there, and below it on the source.",
        width=120,
    )


def study_gates(results: dict[str, Any]) -> str:
    """A row a gate: its hidden units, and how its values vary, as means over seeds."""
    rows = []
    for variant in ("snr-no-loss", "snr"):
        for gate in results["gates"][variant][0]:
            seeds = [run[gate] for run in results["gates"][variant]]
            off, on, mean_a, images, channels = (
                mean(seed[key] for seed in seeds)
                for key in ("always_off", "always_on", "mean", "over_images", "over_channels")
            )
            hidden = seeds[0]["hidden"]
            units = [f"{off:.1f}", f"{on:.1f}", f"{hidden - off - on:.1f}"]
            rows.append(
                [
                    f"`{variant}`",
                    gate.removesuffix("_snr"),
                    str(hidden),
                    *units,
                    *(f"{x:.3f}" for x in (mean_a, images, channels)),
                ]
            )
    headings = ["variant", "gate", "units", "off", "on", "by image", "mean of a", "over images", "over channels"]
    return _table(headings, rows)


def bench_summary() -> str:
    """The layer against an instance norm, on every machine that it was measured on, in a sentence."""
    machines = [result for result in BENCH_MACHINES if ", tensorflow " in result["machine"]]
    ratios = [row["of_group_norm"] for result in machines for row in result["rows"] if not row["jit_compile"]]
    return (
        f"On TensorFlow and a CPU the layer takes {min(ratios):.2f} to {max(ratios):.2f} of the time of\n"
        "`keras.layers.GroupNormalization(groups=-1)`, which computes less."
    )


def bench_layer(backend: str, compiled: str = "") -> str:
    """For each machine times of a step in milliseconds, ratios, and memory in feature maps; how it may be compiled."""
    headings = ["F (float32)", *TIMES, "memory, in maps"]
    return "\n\n".join(
        f"{result['machine']}:\n\n"
        + _table(
            headings,
            [
                [_shape(row) + (f", {compiled}" if row["jit_compile"] and compiled else ""), *_times(row), _memory(row)]
                for row in result["rows"]
            ],
        )
        for result in BENCH_MACHINES
        if f", {backend} " in result["machine"]
    )


def bench_floor() -> str:
    """Where the time of a step of the layer goes."""
    rows = [
        [
            name,
            *(f"{row[time]:.0f} ms" for time in ("step", "program", "kernel")),
            f"**{row['step'] / row['floor']:.1f}**",
            f"{row['new_maps']:.1f}",
        ]
        for name, row in FLOOR.items()
    ]
    return _table(["", "a step", "both cores, program", "kernel", "a step / floor", "new pages, in maps"], rows)


def bench_gpu() -> str:
    """On a GPU, where steps are shorter and memory is not measured."""
    rows = [
        [backend, _shape(timing), *_times(timing, digits=2)]
        for backend, timings in BENCH_GPU.items()
        for timing in timings
    ]
    return _table(["backend", "F (float32)", *TIMES], rows)


def bench_evaluation() -> str:
    """Seconds, memory, and the time and memory of snr_keras relative to each other library."""
    ours = {row["task"]: row for row in BENCH_EVALUATION if row["name"] == "snr_keras"}
    rows = [
        [
            TASKS[row["task"]],
            f"`{row['name']}`" if row["name"].startswith("snr") else row["name"],
            f"{row['seconds']:.1f} s",
            f"{row['memory'] / 1e9:.2f} GB",
            *(
                ["", ""]
                if row is ours[row["task"]]
                else [f"**{ours[row['task']][figure] / row[figure]:.2g}**" for figure in ("seconds", "memory")]
            ),
        ]
        for row in BENCH_EVALUATION
    ]
    size = "{queries} queries, {gallery} in the gallery, {width} numbers each".format(**BENCH_EVALUATION[0])
    return f"{size}:\n\n{_table(['', '', 'time', 'memory', 'time / this', 'memory / this'], rows)}"


def bench_re_ranking() -> str:
    """Seconds and memory of re-ranking, of its figures alone, and of the float32 products of all pairs of images."""
    rows = []
    for size in dict.fromkeys((row["queries"], row["gallery"]) for row in BENCH_RE_RANKING):
        timings = [row for row in BENCH_RE_RANKING if (row["queries"], row["gallery"]) == size]
        products = timings[-1]
        rows += [
            [
                f"{row['queries']:,}",
                f"{row['gallery']:,}",
                {"snr_keras": "matrix", "snr_keras, figures": "figures"}[row["name"]],
                f"{row['seconds']:.1f} s",
                f"{products['seconds']:.1f} s",
                f"**{row['seconds'] / products['seconds']:.2f}**",
                f"{row['memory'] / 1e9:.2f} GB",
            ]
            for row in timings[:-1]
        ]
    return _table(["queries", "gallery", "", "re-ranking", "products alone", "ratio", "memory beyond"], rows)


def bench_evaluation_embeddings() -> str:
    """Seconds and memory of scores from embeddings, and of the float32 products that they take at least."""
    both = zip(BENCH_EVALUATION_EMBEDDINGS[::2], BENCH_EVALUATION_EMBEDDINGS[1::2], strict=True)
    rows = [
        [
            f"{ours['queries']:,}",
            f"{ours['gallery']:,}",
            f"{ours['seconds']:.1f} s",
            f"{products['seconds']:.1f} s",
            f"**{ours['seconds'] / products['seconds']:.2f}**",
            f"{ours['memory'] / 1e9:.2f} GB",
        ]
        for ours, products in both
    ]
    return _table(["queries", "gallery", "scores", "products alone", "scores / products", "memory beyond"], rows)


def bench_train_table() -> str:
    """Steps of training and the input pipeline."""
    t = BENCH_TRAIN
    height, width = t["image_size"]

    def step(name: str, seconds: float, remark: str) -> list[str]:
        return [name, f"{1e3 * seconds:.0f} ms", f"{t['batch'] / seconds:.1f}", remark]

    rows = [
        step("step without SNR", t["plain"], ""),
        step("step with SNR", t["snr"], f"**{100 * t['added']:+.1f} %**; SNR takes {100 * t['fraction']:.1f} % of it"),
        step("step with SNR in PyTorch", t["pytorch"], f"with SNR here / there: **{t['of_pytorch']:.2f}**"),
        ["input pipeline, one core", "", f"{t['pipeline_one_core']:.0f}", ""],
        [
            f"input pipeline, {t['cores']} cores",
            "",
            f"{t['pipeline']:.0f}",
            f"**{t['pipeline_of_step']:.0f}** times the step with SNR, {t['scaling']:.2f} times one core",
        ],
    ]
    headings = [f"{t['device']}, batches of {t['batch']} images of {height}x{width}", "a step", "images per second", ""]
    return _table(headings, rows)


def bench_first_steps() -> str:
    """A row a way to train and an image size."""
    rows = [
        [
            timing["way"],
            "x".join(map(str, timing["image_size"])),
            f"{timing['plain']:.1f} s",
            f"{timing['snr']:.1f} s",
            f"**{timing['added']:.1f} s**",
        ]
        for timing in BENCH_FIRST_STEPS
    ]
    return _table(["first steps of", "images", "without SNR", "with SNR", "added"], rows)


def families() -> str:
    """Where SNR goes in keras.applications, what it adds, and what it changes at the identity start."""
    rows = [
        [
            row["family"],
            ", ".join(f"`{layer}`" for layer in row["layers"]) + (" (named)" if row["refused"] else ""),
            "" if row["refused"] else ", ".join(map(str, row["strides"])),
            f"{row['weights'] / 1e6:.1f} M",
            f"{100 * row['added'] / row['weights']:.1f} %",
            f"{100 * row['change']:.2f} %",
        ]
        for row in FAMILIES
    ]
    return _table(["network", "SNR after", "strides", "weights", "SNR adds", "`identity` changes"], rows)


def pytorch_agreement() -> str:
    """How far imported networks are from PyTorch's in float64, and PyTorch's own from them in float32."""
    rows = [[row["network"], *(f"{row[which]:.1e}" for which in ("keras", "pytorch"))] for row in AGREEMENT]
    return _table(["network", "here, float32", "PyTorch, float32"], rows)


def framework_errors() -> str:
    """A row per framework and dtype: the largest fraction of a bound, and whose it is."""

    def worst(quantities: list[dict[str, Any]]) -> str:
        if not quantities:
            return "not there"
        found = max(quantities, key=lambda q: q["fraction"])
        function, output = found["name"].split(".")
        return f"{found['fraction']:.2f}, `{output}` of `{function}`"

    rows = []
    for figure in ERRORS:
        for dtype in ("float64", "float32", "float16", "bfloat16"):
            own = [q for q in figure["quantities"] if q["dtype"] == dtype and q["fraction"] is not None]
            if own:
                beyond = sum(b["dtype"] == dtype for b in figure["beyond"])
                families = (
                    worst([q for q in own if q["function"] in functions])
                    for functions in FAMILIES_OF_FUNCTIONS.values()
                )
                compared = str(sum(q["cases"] for q in own))
                count = f"{beyond} cases" if beyond else "none"
                rows.append([FRAMEWORKS[figure["framework"]], dtype, compared, *families, count])
    return _table(["framework", "dtype", "numbers compared", *FAMILIES_OF_FUNCTIONS, "beyond the bound"], rows)


def framework_failures() -> str:
    """A row per case that is beyond its bound, with the reason."""
    rows = [
        [
            *(FRAMEWORKS[figure["framework"]], f"`{b['case']}`", b["dtype"], f"`{b['name']}`"),
            *(f"{b['error']:.1e}", f"{b['fraction']:.3g}", b["reason"]),
        ]
        for figure in ERRORS
        for b in sorted(figure["beyond"], key=lambda b: -b["fraction"])
    ]
    return _table(["framework", "case", "dtype", "worst quantity", "error", "bounds", "why"], rows)


def frameworks_measured() -> str:
    """A row per framework: its packages, how much was asked of it, and the bad input that it does not refuse."""
    rows = []
    for figure in ERRORS:
        packages = ", ".join(f"{package} {version}" for package, version in figure["packages"].items())
        refused = sum(q["cases"] for q in figure["quantities"] if q["name"].endswith(" refuses"))
        accepted = len(figure["not refused"])
        asked = sum(count for outcome, count in figure["counts"].items() if not outcome.startswith("not "))
        bad = f"{accepted} of {accepted + refused}" if accepted + refused else "not asked"
        rows.append([FRAMEWORKS[figure["framework"]], packages, str(asked), bad])
    return _table(["framework", "packages", "cases asked", "bad input not refused"], rows)


def other_task(measured: dict[str, Any]) -> str:
    """A row a domain, and by how much SNR with the constraint is above each other variant on those it never saw."""
    results, source = measured["results"], measured.get("source")
    unseen = [domain for domain in measured["domains"] if domain != source]

    def row(name: str, domains: list[str]) -> list[str]:
        return [name, *(_spread(_means(runs, domains)) for runs in results.values())]

    rows = [row(f"{source} (source)", [source])] if source else []
    rows += [*(row(domain, [domain]) for domain in unseen), row("**mean of unseen**", unseen)]
    best = _means(results["snr+loss"], unseen)
    differences = []
    for other in results:
        if other != "snr+loss":
            found = [ours - theirs for ours, theirs in zip(best, _means(results[other], unseen), strict=True)]
            differences.append([f"snr+loss - {other}", *(f"{d:+.1f}" for d in found), _signed(found)])
    seeds = [f"seed {seed}" for seed in range(len(best))]
    table = _table([f"{measured['figure']} in per cent", *results], rows)
    return f"{table}\n\n{_table(['mean of unseen', *seeds, 'mean ± standard deviation'], differences)}"


def adaptation(measured: dict[str, Any]) -> str:
    """What each method reaches on the target, by how much one is above another, and how the adaptations went."""
    return "\n\n".join([adaptation_figures(measured), adaptation_course(measured)])


def adaptation_figures(measured: dict[str, Any]) -> str:
    """What each method reaches on the target, and by how much one is above another, seed by seed."""
    results = measured["results"]
    source, target, images = measured["source"], measured["target"], measured["images"]
    about = (
        f"mAP and Rank-1 on `{target}` in per cent, mean ± standard deviation of {len(results['MAR'])} seeds.\nTrained "
        f"for {measured['training']['epochs']} epochs on {images[source]} images of `{source}`, adapted for "
        f"{measured['adaptation']['epochs']} to {images[target]} of `{target}`:"
    )
    rows = [
        [name, *(_spread(_percents(runs, figure)) for figure in ("mAP", "rank1"))] for name, runs in results.items()
    ]
    pairs = []
    for ours, theirs in ADAPTATION_PAIRS:
        found = adaptation_differences(measured, ours, theirs)
        pairs.append([f"{ours} - {theirs}", *(f"{d:+.1f}" for d in found), _signed(found)])
    seeds = [f"seed {seed}" for seed in range(len(results["MAR"]))]
    figures = _table(["", "mAP", "Rank-1"], rows)
    return f"{about}\n\n{figures}\n\n{_table(['mAP', *seeds, 'mean ± standard deviation'], pairs)}"


def adaptation_differences(measured: dict[str, Any], ours: str, theirs: str) -> list[float]:
    """By how much the mAP of one method is above another's, seed by seed."""
    values = (_percents(measured["results"][method], "mAP") for method in (ours, theirs))
    return [a - b for a, b in zip(*values, strict=True)]


def adaptation_course(measured: dict[str, Any]) -> str:
    """State of the adaptation in the first two epochs and the last, as means over seeds."""
    epochs = measured["epochs"]

    def course(method: str, name: str, scale: float, digits: int) -> list[str]:
        def told(records: list[dict[str, Any]]) -> str:
            values = [scale * record[name] for record in records if name in record]
            return f"{mean(values):.{digits}f}" if values else ""

        return [told([run[epoch] for run in epochs[method]]) for epoch in (0, 1, -1)]

    along = [
        ("threshold of the agreement", "threshold", 1, 3),
        ("positive pairs a step", "positives", 1, 1),
        ("of one person, in per cent", "true_positive_rate", 100, 0),
        ("entropy of the multilabels, in nats", "multilabel_entropy", 1, 2),
    ]
    return _table(
        ["mean over seeds", *(f"{method}: {when}" for method in epochs for when in ("epoch 1", "epoch 2", "last"))],
        [[title, *(cell for method in epochs for cell in course(method, *what))] for title, *what in along],
    )


def adaptation_weight(measured: dict[str, Any]) -> str:
    """What the target makes of each weight of L_CML, and of none of MAR's losses."""
    lines = [
        [f"{run['consistency_weight']:g}" if run["consistency_weight"] else "without MAR's losses"]
        + [f"{100 * run[normalization]['mAP']:.1f}" for normalization in ("none", "snr")]
        for run in measured["results"]
    ]
    return _table([f"weight of L_CML, mAP on {measured['target']}", "MAR", "SNR + MAR"], lines)


def bench_export(rows: list[dict[str, Any]]) -> str:
    """Every format and precision: size, latency if it was measured, difference and retrieval."""
    timed = {"one": "1 picture", "batch": "32 pictures"} if rows[0]["one"] else {}
    lines = [
        [
            row["format"],
            row["precision"],
            f"{row['size'] / 1e6:.2f} MB" if row["size"] else "",
            *(f"{1e3 * row[seconds]:.1f} ms" for seconds in timed),
            f"{row['difference'] / row['largest']:.1e}" if row["difference"] else "",
            f"{100 * row['mAP']:.2f} / {100 * row['rank1']:.2f}",
        ]
        for row in rows
    ]
    headings = ["format", "precision", "size", *timed.values(), "largest difference", "mAP / Rank-1"]
    return _table(headings, lines)


BLOCKS: dict[str, Callable[[], str]] = {
    "results_summary": partial(results_summary, STUDY_STEPS),
    "longer_training": partial(longer_training, STUDY_STEPS, LONGER),
    "ablation": partial(ablation, STUDY_ALL),
    "study_variants": partial(study_variants, STUDY_STEPS),
    "study_steps": partial(study_steps, STUDY_STEPS),
    "study_sources": partial(study_sources, {"day": STUDY_STEPS, "dusk": STUDY_FROM_DUSK}),
    "study_random": partial(study_random, STUDY_ALL),
    "study_photographs": partial(study_photographs, STUDY_PHOTOGRAPHS),
    "study_readings": partial(study_held_out, STUDY_READINGS, "reading"),
    "study_shipped": partial(study_held_out, STUDY_SHIPPED, "variant"),
    "study_confirmed": partial(study_confirmed, STUDY_CONFIRMED),
    "study_threads": partial(study_threads, STUDY_STEPS, STUDY_THREADS),
    "study_summary": partial(study_summary, STUDY_STEPS),
    "study_gates": partial(study_gates, STUDY_STEPS),
    "bench_summary": bench_summary,
    "bench_first_steps": bench_first_steps,
    "bench_tensorflow": partial(bench_layer, "tensorflow", "`jit_compile`"),
    "bench_jax": partial(bench_layer, "jax"),
    "bench_torch": partial(bench_layer, "torch", "`torch.compile`"),
    "bench_floor": bench_floor,
    "bench_gpu": bench_gpu,
    "bench_evaluation": bench_evaluation,
    "bench_re_ranking": bench_re_ranking,
    "bench_evaluation_embeddings": bench_evaluation_embeddings,
    "bench_train_table": bench_train_table,
    "families": families,
    "pytorch_agreement": pytorch_agreement,
    "framework_errors": framework_errors,
    "framework_failures": framework_failures,
    "frameworks_measured": frameworks_measured,
    **{name: partial(other_task, measured) for name, measured in OTHER_TASKS.items()},
    "adaptation": partial(adaptation, ADAPTATION),
    "adaptation_weight": partial(adaptation_weight, ADAPTATION_WEIGHT),
    "adaptation_two_sources": partial(adaptation_figures, ADAPTATION_TWO_SOURCES),
    "bench_export": partial(bench_export, BENCH_EXPORT),
    "bench_int8": partial(bench_export, BENCH_INT8),
}


def rendered(page: str) -> str:
    """A page with every generated block made anew.

    Raises:
        KeyError: If a block's name is none of `BLOCKS`.
    """

    def block(match: re.Match[str]) -> str:
        return f"{match['begin']}\n{BLOCKS[match['name']]()}\n{match['end']}"

    pattern = r"(?P<begin><!-- generated: (?P<name>\w+) -->)\n(?:.*?\n)?(?P<end><!-- end of (?P=name) -->)"
    return re.sub(pattern, block, page, flags=re.DOTALL)


def main(arguments: Iterable[str]) -> int:
    """Rewrite the pages, or tell which are stale."""
    stale = [page for page in PAGES if rendered(page.read_text(encoding="utf-8")) != page.read_text(encoding="utf-8")]
    for page in stale:
        print(page.relative_to(DOCS.parent))
        if "--check" not in arguments:
            page.write_text(rendered(page.read_text(encoding="utf-8")), encoding="utf-8")
    return int(bool(stale) and "--check" in arguments)


def values(results: dict[str, Any], variant: str, domains: list[str], figure: str = "mAP") -> list[float]:
    """In per cent, a number a seed: the mean over the domains."""
    return [100 * mean(run[domain][figure] for domain in domains) for run in results["figures"][variant]]


def _percents(runs: list[dict[str, float]], figure: str) -> list[float]:
    return [100 * run[figure] for run in runs]


def _means(runs: list[dict[str, float]], domains: list[str]) -> list[float]:
    """In per cent, a number a seed: the mean over the domains."""
    return [100 * mean(run[domain] for domain in domains) for run in runs]


def _both(results: dict[str, Any], variant: str, domains: list[str]) -> str:
    return " / ".join(_spread(values(results, variant, domains, figure)) for figure in ("mAP", "rank1"))


def _shape(timing: dict[str, Any]) -> str:
    return "x".join(map(str, timing["shape"]))


def _times(timing: dict[str, Any], digits: int = 0) -> list[str]:
    times = [f"{1e3 * timing[name]:.{digits}f} ms" for name in ("snr", "literal", "group_norm", "floor")]
    return [*times, *(f"**{timing[name]:.2f}**" for name in ("of_literal", "of_group_norm"))]


def _memory(timing: dict[str, Any]) -> str:
    """Of SNR and its baselines; empty where it was not measured."""
    if timing["snr_memory"] is None:
        return ""
    return "{snr_memory:.1f} ({literal_memory:.1f}, {group_norm_memory:.1f})".format(**timing)


def _spread(values: list[float]) -> str:
    return f"{mean(values):.1f} ± {stdev(values):.1f}"


def _with_interval(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    by_seed = [100 * difference for difference in found["by_seed"]]
    return f"{_signed(by_seed)} {_between(found['low'], found['high'])}"


def _between(low: float, high: float) -> str:
    """An interval in per cent."""
    return f"[{100 * low:+.1f}, {100 * high:+.1f}]"


def _signed(values: list[float]) -> str:
    return f"{mean(values):+.1f} ± {stdev(values):.1f}"


def _best_in_bold(row: list[str]) -> list[str]:
    best = max(row[1:], key=lambda cell: float(cell.split(" ± ")[0]))
    return [f"**{cell}**" if cell == best else cell for cell in row]


def _unbroken(row: list[str]) -> list[str]:
    """No line ends at a ±."""
    return [cell.replace(" ± ", "\u00a0±\u00a0") for cell in row]


def _table(headings: list[str], rows: Iterable[list[str]]) -> str:
    """A table in Markdown; columns of numbers, but for the first, are aligned on the right."""
    rows = list(rows)
    columns = [[cell for cell in column if cell] for column in zip(*rows, strict=True)]
    numbers = [
        number and column and all(re.match(r"\W*\d", cell) for cell in column) for number, column in enumerate(columns)
    ]
    lines = [headings, ["---:" if of_numbers else "---" for of_numbers in numbers], *rows]
    return "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

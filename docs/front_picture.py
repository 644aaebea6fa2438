"""The picture of the README and of the site's first page: what SNR makes of style, and what that does to a ranking.

snr demo
python docs/front_picture.py runs/demo
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median_low
from tempfile import TemporaryDirectory

import keras
import numpy as np
from _ext.drawings import one_person
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray
from take_pictures import take

from snr_keras.models import embedder
from snr_keras.reid.data.catalogue import open_dataset
from snr_keras.reid.data.images import read_image
from snr_keras.reid.runs import load_run
from snr_keras.reid.targets import embed_trials
from snr_keras.reid.visualization.figures import INK, frame_axes, save_figure, show_image
from snr_keras.reid.visualization.ranked_gallery import RIGHT, WRONG, Ranking, rankings
from snr_keras.reid.visualization.stages import stages_of

DOMAINS = ("day", "dusk", "fog")
STAGE, TARGET, TOP = 1, "fog", 8
COLUMNS = {"F": "$F$", "F_tilde": r"$\tilde F$", "R_plus": "$R^+$", "F_plus": r"$\tilde F^+$"}


def main(demo: Path) -> None:
    """Draw it from the folder of `snr demo`, into docs/images/front.png."""
    models = {
        "plain network": load_run(demo / "runs" / "none-seed0")[1],
        "with SNR": load_run(demo / "runs" / "snr-seed0")[1],
    }
    target = open_dataset(str(demo / "data" / TARGET), root="data", splits=("query", "gallery"))
    ranked = {}
    for name, model in models.items():
        (embedded,) = embed_trials(embedder(model), [target])
        ranked[name] = rankings(embedded, num_queries=len(target.query), top=TOP)
    chosen = typical(*ranked.values())

    figure = Figure(figsize=(11, 4.1), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(5, 9))
    draw_maps(left, models["with SNR"])
    axes = right.subplots(2, TOP + 1)
    for row, (name, found) in zip(axes, ranked.items(), strict=True):
        ranking = found[chosen]
        show_image(row[0], read_image(target.query.paths[ranking.query]).numpy(), colour=INK, frame=3)
        row[0].set_title("query", fontsize=9)
        row[0].set_ylabel(f"{name}: AP {100 * ranking.average_precision:.0f} %", fontsize=9)
        for rank, (ax, image, right_one) in enumerate(zip(row[1:], ranking.nearest, ranking.right, strict=True), 1):
            colour = RIGHT if right_one else WRONG
            show_image(ax, read_image(target.gallery.paths[image]).numpy(), colour=colour, frame=3)
            ax.set_title(str(rank), fontsize=9, color=colour)
    with TemporaryDirectory() as folder:
        take(save_figure(figure, Path(folder) / "front.png", dpi=100), "front.png")


def typical(plain: list[Ranking], with_snr: list[Ranking]) -> int:
    """The place of the query whose gain in average precision is the median of all."""
    gains = [after.average_precision - before.average_precision for before, after in zip(plain, with_snr, strict=True)]
    return gains.index(median_low(gains))


def draw_maps(figure: SubFigure, network: keras.Model) -> None:
    """One person in every domain: the image, and in the channel that domains move most, maps of eqs. 1 to 5."""
    images = one_person(DOMAINS)
    stage = stages_of(network)[STAGE - 1]
    F = keras.Model(network.input, stage.F)(images.astype("float32"), training=False)
    out = stage.decompose(F)
    maps: dict[str, NDArray] = {"F": keras.ops.convert_to_numpy(F)} | out._asdict()
    channel = int(maps["F"].mean(axis=(1, 2)).std(axis=0).argmax())
    largest = max(np.abs(maps[name][..., channel]).max() for name in COLUMNS)
    axes = figure.subplots(len(DOMAINS), 1 + len(COLUMNS))
    for n, (row, domain) in enumerate(zip(axes, DOMAINS, strict=True)):
        show_image(row[0], images[n])
        row[0].set_ylabel(domain, fontsize=9)
        for ax, (name, title) in zip(row[1:], COLUMNS.items(), strict=True):
            ax.imshow(maps[name][n, ..., channel], cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto")
            frame_axes(ax)
            if n == 0:
                ax.set_title(title, fontsize=11)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

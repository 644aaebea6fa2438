"""Photographs of people as other cameras would see them: each camera has a light, air and lens of its own.

    python docs/examples/restyle.py data/pedestrians data/restyled
    snr evaluate runs/snr --target data/restyled

The cameras are those of the synthetic pedestrians, of another domain for each: the first camera's photographs become
those of `day`, the second's of `dusk`, then of `night` and `fog`, and then of `day` again. Names and folders stay.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from snr_keras.files.atomic import new_folder
from snr_keras.reid.data.dataset import ReIDDataset
from snr_keras.reid.data.images import read_image
from snr_keras.reid.data.market1501 import read_market1501
from snr_keras.reid.data.synthetic import DOMAINS
from snr_keras.reid.data.synthetic.domains import jitter
from snr_keras.reid.data.synthetic.style import rephotograph
from snr_keras.reid.data.synthetic.world import camera_style


def restyle(source: Path, out: Path, *, seed: int = 0) -> ReIDDataset:
    """Write a restyled copy of a folder in Market-1501 layout, as PNG, and return what was read.

    Args:
        source: Folder of `query` and `bounding_box_test`, whose names have cameras.
        out: Folder to write, which must be absent or empty.
        seed: Seed of the cameras and of the noise. An image depends on it and on its own name and pixels only.

    Raises:
        ValueError: If a name has no camera, or the folder is not in this layout.
    """
    photographs = read_market1501(source, splits=("query", "gallery"))
    if photographs.query.cameras is None:
        raise ValueError(f"The names of the images must have cameras, as 0001_c1s1_000151_00.jpg. Received: {source}")
    with new_folder(out) as folder:
        for split in (photographs.query, photographs.gallery):
            for path, camera in zip(map(Path, split.paths), split.cameras.tolist(), strict=True):
                domain = DOMAINS[(camera - 1) % len(DOMAINS)]
                rng = np.random.default_rng([seed, camera, zlib.crc32(path.name.encode())])
                style = jitter(camera_style(domain, camera, seed=seed), rng)
                image = rephotograph(read_image(path).numpy(), style, rng)
                copy = folder / path.parent.name / f"{path.stem}.png"
                copy.parent.mkdir(exist_ok=True)
                copy.write_bytes(tf.io.encode_png(image).numpy())
    return photographs


def main(arguments: Sequence[str] | None = None) -> None:
    """Restyle from the command line.

    Args:
        arguments: Command-line arguments; by default those of the process.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder in Market-1501 layout")
    parser.add_argument("out", type=Path, help="folder to write, absent or empty")
    parser.add_argument("--seed", type=int, default=0, help="seed of the cameras and of the noise (default 0)")
    options = parser.parse_args(arguments)
    photographs = restyle(options.source, options.out, seed=options.seed)
    print(photographs.report)
    print(f"{options.out}: {len(photographs.query) + len(photographs.gallery)} images")


if __name__ == "__main__":
    main()

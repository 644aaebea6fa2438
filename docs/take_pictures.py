"""Pictures of `snr visualize` for the page about them, in 128 colours so that they are small.

python docs/take_pictures.py runs/pictures
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parent / "images"

#: The picture in docs/images, and what it is called in the folder of `snr visualize`.
TAKEN = {
    "worst_queries.png": "3_pretrained_worst_2_dusk.png",
    "activation_maps.png": "3_pretrained_maps_stage2.png",
    "tsne.png": "3_pretrained_tsne.png",
    "gates.png": "3_pretrained_gates.png",
    "cmc_curves.png": "cmc_2_dusk.png",
}


def main(folder: Path) -> None:
    """Take them out of a folder.

    Args:
        folder: What `snr visualize` wrote.
    """
    for name, source in TAKEN.items():
        take(folder / source, name)


def take(source: Path, name: str) -> None:
    """Write one picture to docs/images in 128 colours."""
    with Image.open(source) as picture:
        whole = picture.convert("RGB")
        palette = whole.quantize(128, method=Image.Quantize.MAXCOVERAGE)  # of small spots too
        whole.quantize(palette=palette).save(IMAGES / name, optimize=True)
    print(f"{IMAGES / name}: {(IMAGES / name).stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Pictures that commands made, for the pages about them, in 128 colours so that they are small.

python docs/take_pictures.py runs
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parent / "images"

#: The picture in docs/images, and where the commands of docs/pictures.md write it.
TAKEN = {
    "loss_curves.png": "demo/loss_curves.png",
    "ranked_gallery.png": "demo/ranked_gallery_snr_night.png",
    "worst_queries.png": "pictures/3_runs_demo_runs_snr-seed0_worst_2_dusk.png",
    "activation_maps.png": "pictures/3_runs_demo_runs_snr-seed0_maps_stage2.png",
    "tsne.png": "pictures/3_runs_demo_runs_snr-seed0_tsne.png",
    "gates.png": "pictures/3_runs_demo_runs_snr-seed0_gates.png",
    "cmc_curves.png": "pictures/cmc_2_dusk.png",
    "verification.png": "verification/verification_1_night.png",
}


def main(runs: Path) -> None:
    """Take them out of the folder in which the commands wrote theirs."""
    for name, source in TAKEN.items():
        take(runs / source, name)


def take(source: Path, name: str) -> None:
    """Write one picture to docs/images in 128 colours."""
    with Image.open(source) as picture:
        whole = picture.convert("RGB")
        palette = whole.quantize(128, method=Image.Quantize.MAXCOVERAGE)  # of small spots too
        whole.quantize(palette=palette).save(IMAGES / name, optimize=True)
    print(f"{IMAGES / name}: {(IMAGES / name).stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

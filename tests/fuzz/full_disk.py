"""Writers that run out of room half-way: one message, nothing left behind, and it works once there is room."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.fuzz.subjects import Setting

WRITERS = {
    "extract": ("extract", "{here}/night/query", "--out", "{out}/features.h5"),
    "search, JSON": ("search", "{here}/gallery.h5", "{here}/query.h5", "--out", "{out}/found.json"),
    "search, picture": ("search", "{here}/gallery.h5", "{here}/query.h5", "--out", "{out}/found.png"),
    "search, index": ("search", "{here}/gallery.h5", "{here}/query.h5", "--index", "{out}/gallery.faiss"),
    "pack": ("pack", "{here}/run", "{out}/packed"),
    "weights export": ("weights", "export", "{here}/packed", "{out}/model.safetensors"),
    "weights import": ("weights", "import", "{here}/model.safetensors", "--out", "{out}/imported"),
    "train": ("train", "--recipe", "{here}/recipe.toml", "--source", "{here}/day", "--out", "{out}/run"),
    "evaluate": ("evaluate", "{here}/packed", "--target", "{here}/night", "--out", "{out}/evaluation"),
    "visualize": ("visualize", "{here}/packed", "--target", "{here}/night", "--out", "{out}/pictures"),
    "export": ("export", "{here}/packed", "{out}/model.onnx", "--format", "onnx"),
    "data synthesize": ("data", "synthesize", "{out}/world", "--domain", "fog"),
    "parity export": ("parity", "export", "{out}/vectors.h5"),
}


def full_disk(setting: Setting, number: int) -> None:
    """Call writers in turn, so many in all, where no file can get larger than some bytes.

    A writer that succeeds although there is little room wrote less.
    """
    for trial in range(number):
        name = list(WRITERS)[trial % len(WRITERS)]
        out = setting.work / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        command = tuple(part.format(here=setting.intact, out=out) for part in WRITERS[name])
        room = int(2 ** setting.rng.uniform(4, 16))
        ended = setting.worker.run(command, largest_file=room)
        if ended.failure:
            outcome = ended.failure
        elif ended.status == 0:
            outcome = "the same"
        elif str(out) not in ended.output and "There is no room in" not in ended.output:
            outcome = "nameless"
        elif list(out.rglob(".unfinished-*")) or setting.worker.run(_again(command, out)).status != 0:
            outcome = "left behind"
        else:
            outcome = "refused"
        setting.table.add(f"full disk: {name}", outcome, f"no file over {room} bytes", ended)


def _again(command: tuple[str, ...], out: Path) -> tuple[str, ...]:
    """The same command once there is room: a training that had started continues."""
    return (*command, "--resume") if command[0] == "train" and (out / "run").exists() else command

"""Files that `snr` reads, whole, and for each a command that reads it."""

from __future__ import annotations

import csv
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import snr_ref
from snr_keras.reid.data.synthetic import synthesize
from snr_ref.conformance.implementation import Implementation
from snr_ref.conformance.vectors import write_outputs
from tests.fuzz.outcomes import Table, outcome_of
from tests.fuzz.worker import Ended, Worker
from tests.snr_ref.conformance.vectors_files import small_file

SIZES = {"train_identities": 4, "test_identities": 3, "cameras": 2, "images_per_camera": 2, "image_size": (32, 16)}


@dataclass(frozen=True)
class Subject:
    """A file and a command that reads it.

    Attributes:
        name: Name in the table.
        file: Path of the file in the folder that `prepare` fills.
        command: Arguments of `snr`, with `{here}` for a copy of that folder and `{out}` for a new path.
        writes: What follows `{out}` in the path of the written answer; "" if the printed output is the answer.
        sealed: Whether the file has a checksum, so that every change must be detected.
    """

    name: str
    file: str
    command: tuple[str, ...]
    writes: str = ""
    sealed: bool = False

    @property
    def copied(self) -> str:
        """What to copy for the command: the file, or the top folder that has it."""
        return Path(self.file).parts[0]


_SEARCH = ("search", "{here}/gallery.h5", "{here}/query.h5", "--out", "{out}.json")
_EVALUATE = ("evaluate", "{here}/run", "--target", "{here}/night", "--out", "{out}")
_EVALUATE_PACKED = ("evaluate", "{here}/packed", "--target", "{here}/night", "--out", "{out}")
_TRAIN = ("train", "--recipe", "{here}/recipe.toml", "--source", "{here}/day", "--out", "{here}/run", "--resume")
_COMPARE = ("parity", "compare", "{here}/vectors.h5", "{here}/outputs.h5")

SUBJECTS = (
    Subject("features", "gallery.h5", _SEARCH, ".json", sealed=True),
    Subject("index", "gallery.faiss", (*_SEARCH, "--index", "{here}/gallery.faiss"), ".json", sealed=True),
    Subject("checkpoint", "run/checkpoints/step-00000008.keras", _EVALUATE, "/results.json", sealed=True),
    Subject("config.json", "run/config.json", _EVALUATE, "/results.json", sealed=True),
    Subject("packed config.json", "packed/config.json", _EVALUATE_PACKED, "/results.json", sealed=True),
    Subject("packed weights.h5", "packed/weights.h5", _EVALUATE_PACKED, "/results.json", sealed=True),
    Subject("golden vectors", "vectors.h5", _COMPARE, sealed=True),
    Subject("outputs", "outputs.h5", _COMPARE),
    Subject("metrics.jsonl", "run/metrics.jsonl", _TRAIN),
    Subject("results.json", "run/evaluation/results.json", ("pack", "{here}/run", "{out}"), "/config.json"),
    Subject("safetensors", "model.safetensors", ("weights", "import", "{here}/model.safetensors", "--out", "{out}")),
    Subject("list of pictures", "list.txt", ("extract", "{here}/list.txt", "--out", "{out}.h5")),
    Subject("CSV", "people.csv", ("data", "info", "{here}/people.csv")),
    Subject("recipe", "recipe.toml", ("recipes", "{here}/recipe.toml")),
    Subject("picture", "crops/0.jpg", ("data", "info", "{here}/crops/people.csv")),
)


def prepare(folder: Path, worker: Worker) -> None:
    """Fill a folder with every file of `SUBJECTS`.

    Raises:
        RuntimeError: If a command fails on files that are whole; the message has what it printed.
    """
    for domain in ("day", "night"):
        synthesize(folder / domain, domain=domain, **SIZES)  # type: ignore[arg-type]
    pictures = sorted((folder / "night" / "bounding_box_test").glob("*.jpg"))
    (folder / "crops").mkdir()
    for number, picture in enumerate(pictures[:4]):
        (folder / "crops" / f"{number}.jpg").write_bytes(picture.read_bytes())
    (folder / "crops" / "people.csv").write_text("path,identity\n0.jpg,1\n1.jpg,1\n2.jpg,2\n3.jpg,2\n")
    (folder / "list.txt").write_text("".join(f"{path}\n" for path in pictures))
    with (folder / "people.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "identity", "camera", "split"])
        rows.writerows([str(path), path.name[:4].lstrip("0"), path.name[6], "gallery"] for path in pictures)
    (folder / "recipe.toml").write_text(
        'description = "small"\n[training]\nepochs = 2\nidentities_per_batch = 2\nimages_per_identity = 2\n'
        "stages = [4]\nimage_size = [32, 16]\nwarmup_epochs = 0.5\n"
    )
    for command in (
        f"train --recipe {folder}/recipe.toml --source {folder}/day --target {folder}/night --out {folder}/run",
        f"pack {folder}/run {folder}/packed",
        f"extract {folder}/night/bounding_box_test --out {folder}/gallery.h5",
        f"extract {folder}/night/query --out {folder}/query.h5",
        f"search {folder}/gallery.h5 {folder}/query.h5 --index {folder}/gallery.faiss",
        f"weights export {folder}/run {folder}/model.safetensors",
    ):
        ended = worker.run(tuple(command.split()))
        if ended.status != 0:
            raise RuntimeError(f"snr {command} ended with {ended}")
    vectors = small_file(folder / "vectors.h5")
    write_outputs(vectors, folder / "outputs.h5", Implementation(snr_ref, "the reference"))


@dataclass(frozen=True)
class Setting:
    """The common context of all trials.

    Attributes:
        intact: Folder that `prepare` filled.
        work: Folder to work in.
        whole: Answer to each subject's unchanged file.
        rng: Generator that chooses the trials.
        worker: Worker that runs the commands.
        table: Counts of the outcomes.
    """

    intact: Path
    work: Path
    whole: dict[Subject, bytes]
    rng: np.random.Generator
    worker: Worker
    table: Table

    def copy(self, subject: Subject) -> Path:
        """The prepared folder once more: links to what is in it, but a copy of what the subject's file is in."""
        here = self.work / "here"
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        for entry in self.intact.iterdir():
            if entry.name != subject.copied:
                (here / entry.name).symlink_to(entry)
            elif entry.is_dir():
                shutil.copytree(entry, here / entry.name)
            else:
                shutil.copy(entry, here / entry.name)
        return here

    def outcome(self, subject: Subject, here: Path) -> tuple[str, Ended]:
        """The outcome of the subject's command in a copy with a changed file."""
        ended, answered = answer(subject, here, self.work / "out", self.worker)
        path = here / subject.file
        names = (path.name, str(Path(subject.file).parent) + "/", str(path.parent))
        return outcome_of(ended, names=names, same=answered == self.whole[subject], sealed=subject.sealed), ended


def answer(subject: Subject, here: Path, folder: Path, worker: Worker) -> tuple[Ended, bytes]:
    """The end of the subject's command, and its written or else printed answer, independent of the folders' names.

    Args:
        subject: Subject whose command is run.
        here: Folder that `prepare` filled, or a copy of it.
        folder: Folder for results; its content is lost.
        worker: Runs the command.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    out = folder / "result"
    ended = worker.run(tuple(part.format(here=here, out=out) for part in subject.command))
    written = Path(f"{out}{subject.writes}")
    said = written.read_bytes() if subject.writes and written.is_file() else ended.output.encode(errors="replace")
    return ended, said.replace(bytes(out), b"").replace(bytes(here), b"")


def answers(intact: Path, folder: Path, worker: Worker) -> dict[Subject, bytes]:
    """The answer to every subject's file as it is.

    Raises:
        RuntimeError: If a command fails; the message has what it printed.
    """
    whole = {}
    for subject in SUBJECTS:
        ended, whole[subject] = answer(subject, intact, folder, worker)
        if ended.status != 0:
            raise RuntimeError(f"{subject.name}: the file is whole, and {subject.command} ended with {ended}")
    return whole

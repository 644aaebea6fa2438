"""Whatever the files of a run folder hold, an error names the file, the place and what was expected."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from snr_keras.reid.runs import TrainingConfig, load_run, pack_run
from snr_keras.reid.runs.checkpoints import Checkpoint, TrainingState, newest_checkpoint
from snr_keras.reid.runs.logs import read_metrics
from snr_keras.reid.runs.run_folder import begin_run, read_record, resume_run
from snr_keras.reid.targets import TargetResult
from snr_keras.reid.training import train
from tests.snr_keras.reid.small import SMALL, epoch_record

pytestmark = pytest.mark.usefixtures("small_networks")

RECORD = {
    "training": TrainingConfig().to_json(),
    "source": {"name": "day", "identities": 6, "images": 24},
    "versions": {"keras": "3"},
    "replicas": 1,
}


def written(run: Path, content: object) -> Path:
    run.mkdir(exist_ok=True)
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    (run / "config.json").write_bytes(text)
    return run


def training(**settings: object) -> dict[str, object]:
    return RECORD | {"training": RECORD["training"] | settings}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({}, "training: Field required.*source: Field required.*versions: Field required"),
        ([], "Input should be an object"),
        (RECORD | {"training": 5}, "training: Input should be an object. Received: 5"),
        (RECORD | {"adaptatoin": {}}, "adaptatoin: Extra inputs are not permitted"),
        (RECORD | {"source": {"name": "day", "identities": -1}}, "source.identities: .* greater than or equal to 1"),
        (RECORD | {"versions": {"keras": 3}}, r"versions\.keras: Input should be a valid string. Received: 3"),
        (RECORD | {"figures": {"day": {"mAP": 0.5}}}, r"figures\.day\.rank1: Field required"),
        (training(epochs="12"), "training: `epochs` must be an integer of at least 1. Received: epochs='12'"),
        (training(stages=[1, [2]]), r"training: `stages` must be None or integers"),
        (training(augmentation=[]), "training: Augmentation must be a mapping of settings"),
        (training(learning_rat=1), r"training: TrainingConfig has the settings .* unknown ones: \['learning_rat'\]"),
        (b'{"training": {"seed" 0}}', "Invalid JSON: expected `:` at line 1 column 22"),
        (b"[" * 10_000, "Invalid JSON: recursion limit exceeded"),
        (b'{"training": "\xff"}', "line 1: expected text in UTF-8"),
        (b"", "Invalid JSON"),
    ],
)
def test_a_record_that_is_none_is_told_with_its_place(tmp_path: Path, content: object, told: str) -> None:
    with pytest.raises(ValueError, match=rf"config\.json'.*{told}"):
        load_run(written(tmp_path / "run", content))


def test_a_record_without_a_seal_as_earlier_versions_wrote_it_is_read(tmp_path: Path) -> None:
    assert read_record(written(tmp_path / "run", RECORD)) == RECORD


def test_a_record_that_was_edited_is_not_resumed_from(tmp_path: Path) -> None:
    begin_run(tmp_path, RECORD)
    edited = (tmp_path / "config.json").read_text().replace('"last_stride": 1', '"last_stride": 2')
    (tmp_path / "config.json").write_text(edited)
    for opened in (load_run, pack_run):
        with pytest.raises(ValueError, match=r"config\.json' was changed after it was written"):
            opened(tmp_path, *([tmp_path / "packed"] if opened is pack_run else []))
    with pytest.raises(ValueError, match=r"config\.json' was changed after it was written"):
        resume_run(tmp_path, RECORD)


def line(**changes: object) -> bytes:
    return json.dumps({k: v for k, v in epoch_record(2, **changes).items() if v is not None}).encode()


DAMAGED = [
    (line(accuracy=None, acuracy=0.5), "accuracy: Field required"),
    (line(losses={"total": "1"}), r"losses\.total: Input should be a valid number"),
    (line(losses=None), "losses: Field required"),
    (line(seconds=float("nan")), "seconds: Input should be a finite number"),
    (b'{"epoch": \xff}', "Invalid JSON"),
    (b"[" * 10_000, "recursion limit"),
    (b"", "Invalid JSON"),
]


@pytest.mark.parametrize(("damaged", "told"), DAMAGED)
def test_a_damaged_line_of_the_metrics_is_told_with_its_number(tmp_path: Path, damaged: bytes, told: str) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(b"\n".join([line(), damaged, line(), b""]))
    with pytest.raises(ValueError, match=rf"metrics\.jsonl', line 2: .*{told}.*Correct the line, or delete it"):
        read_metrics(tmp_path)


@pytest.mark.parametrize("cut", [line()[:-9], b"\0" * 512, line(losses=None) + b"\n"])
def test_a_last_line_that_is_damaged_as_a_dying_process_leaves_it_is_told_and_left_out(tmp_path: Path, cut: bytes):
    (tmp_path / "metrics.jsonl").write_bytes(line() + b"\n" + cut)
    with pytest.warns(UserWarning, match=r"left out: .*metrics\.jsonl', line 2"):
        assert [record["step"] for record in read_metrics(tmp_path)] == [2]


def test_an_infinite_gradient_which_loss_scaling_skips_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(line(gradient_norm=float("inf")) + b"\n")
    assert read_metrics(tmp_path)[0]["gradient_norm"] == float("inf")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"step": 12, "stepp": 1}, "stepp: Unexpected keyword argument"),
        ({"step": "12"}, "step: Input should be a valid integer"),
        ({"step": 12, "best_steps": [None]}, r"best_steps\.0: Input should be a valid integer"),
        ([], "Input should be an object"),
    ],
)
def test_a_checkpoint_that_does_not_say_where_training_stood_is_damaged(
    finished_run, tmp_path: Path, state: object, told: str
) -> None:
    run = shutil.copytree(finished_run[0], tmp_path / "run")
    rewrite(run / "checkpoints" / "step-00000012.keras", "training_state.json", json.dumps(state).encode())
    with pytest.warns(UserWarning, match=rf"12\.keras is damaged .*training_state\.json: .*{told}.*00000008\.keras"):
        assert newest_checkpoint(run).state().step == 8


@pytest.mark.parametrize("config", [b"{}", b"[" * 10_000, b'{"class_name": "\x1b[31mNone", "config": {}}'])
def test_a_checkpoint_that_holds_no_model_is_told(finished_run, tmp_path: Path, config: bytes) -> None:
    run = shutil.copytree(finished_run[0], tmp_path / "run")
    rewrite(run / "checkpoints" / "step-00000012.keras", "config.json", config)
    with pytest.raises(
        ValueError, match=r"Expected a checkpoint that Keras can load\. Received: '.*step-00000012\.keras' \("
    ):
        load_run(run)


def test_a_checkpoint_of_a_training_has_no_state_of_an_adaptation(finished_run) -> None:
    checkpoint = Checkpoint(finished_run[0] / "checkpoints" / "step-00000012.keras")
    assert checkpoint.state() == TrainingState(step=12)
    with pytest.raises(ValueError, match=r"Expected a checkpoint with beside\.npz\. Received: '.*00012\.keras'"):
        checkpoint.arrays()


def test_a_packed_run_whose_record_does_not_tell_of_its_weights_is_refused(finished_run, tmp_path: Path) -> None:
    run = pack_run(finished_run[0], tmp_path / "packed")
    written(run, {key: value for key, value in read_record(run).items() if key != "weights"})
    with pytest.raises(ValueError, match=r"weights\.h5' is damaged, or not the one that config\.json names"):
        load_run(run)


def test_results_that_are_none_are_told_with_their_place() -> None:
    result = TargetResult("day", 0.5, 0.25, (0.75,), 4, 4, 9, "market1501", "cosine", average_precisions=(0.5, None))
    assert TargetResult.from_json(result.to_json()) == result
    for changes, told in (
        ({"mAP": "0.5"}, "mAP: Input should be a valid number"),
        ({"cmc": []}, "cmc: .* at least 1 item"),
        ({"map": 1}, "map: Unexpected keyword argument"),
        ({"mINP": float("nan")}, "mINP: Input should be a finite number"),
        ({"splits": [{"target": "day"}]}, r"splits\.0\.mAP: Field required"),
    ):
        with pytest.raises(ValueError, match=told):
            TargetResult.from_json(result.to_json() | changes)


def rewrite(path: Path, name: str, content: bytes) -> None:
    """Put another member in the place of one of a checkpoint."""
    with zipfile.ZipFile(path) as file:
        members = {member: file.read(member) for member in file.namelist()}
    with zipfile.ZipFile(path, "w") as file:
        for member, its in (members | {name: content}).items():
            file.writestr(member, its)


def test_a_run_is_resumed_with_the_metrics_that_are_whole(source, tmp_path: Path, no_learning) -> None:
    train(SMALL, source, tmp_path)
    lines = (tmp_path / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_bytes(b"".join([lines[0].replace(b"accuracy", b"acuracy"), *lines[1:]]))
    with pytest.raises(ValueError, match=r"metrics\.jsonl', line 1: accuracy: Field required"):
        train(SMALL, source, tmp_path, resume=True)


def test_a_run_that_stopped_in_its_first_epoch_has_no_records_and_gives_no_warning(tmp_path, recwarn) -> None:
    (tmp_path / "metrics.jsonl").touch()
    assert read_metrics(tmp_path) == []
    assert not recwarn.list

"""Which of several networks in a file is read, and what happens to the names of the others."""

import numpy as np
import pytest

from snr_keras.models.pytorch.networks import CONTAINERS, Chosen, choose

NET = {"conv1.weight": np.zeros((64, 3, 7, 7)), "layer1.0.conv1.weight": np.zeros((64, 64, 1, 1))}


def under(prefix: str) -> dict[str, np.ndarray]:
    return {f"{prefix}{name}": tensor for name, tensor in NET.items()}


MOCO = {"state_dict": under("module.encoder_q.") | under("module.encoder_k.") | {"module.queue": np.zeros((128, 9))}}
DINO = {"student": under("module.backbone."), "teacher": under("backbone."), "loss": {"center": np.zeros((1, 9))}}


def names_of(chosen: Chosen) -> list[str]:
    return [name for name in chosen.tensors if "conv1" in name]


@pytest.mark.parametrize("name", ["encoder_q", "state_dict.module.encoder_q"])
def test_one_of_two_in_one_state_dict_is_asked_for_and_the_names_of_the_other_are_left(name: str) -> None:
    chosen = choose("moco.pth", MOCO, name)
    assert names_of(chosen) == [*under("module.encoder_q.")]
    assert "module.queue" in chosen.tensors
    assert chosen.left == dict.fromkeys(
        under("module.encoder_k."), "part of another network, state_dict.module.encoder_k"
    )


def test_without_a_name_all_are_listed_with_their_sizes() -> None:
    listed = r"state_dict\.module\.encoder_q \(2 tensors, 0\.0 million numbers\), state_dict\.module\.encoder_k \(2 "
    with pytest.raises(ValueError, match=rf"one network in 'moco\.pth'\. Received: {listed}.*--network NAME"):
        choose("moco.pth", MOCO)
    with pytest.raises(ValueError, match=r"student\.module\.backbone \(2 .*, teacher\.backbone \(2"):
        choose("dino.pth", DINO)
    with pytest.raises(ValueError, match=r"called 'encoder' in 'moco\.pth'\. Received: state_dict\.module\.encoder_q"):
        choose("moco.pth", MOCO, "encoder")


def test_one_that_is_left_need_not_be_chosen_among() -> None:
    for pattern in ("encoder_k.*", "module.encoder_k.*"):
        chosen = choose("moco.pth", MOCO, leave=[pattern, "queue"])
        assert [*chosen.tensors] == [*under("module.encoder_q.")]
        assert chosen.left["module.queue"] == "as asked: queue"
        assert chosen.left["module.encoder_k.conv1.weight"] == f"as asked: {pattern}"
    with pytest.raises(ValueError, match="Nothing in the file matches 'nothing"):
        choose("moco.pth", MOCO, "encoder_q", leave=["nothing*"])


def test_names_behind_the_prefix_are_left_by_patterns_too() -> None:
    chosen = choose("x.pth", {"state_dict": under("module.base.") | {"module.base.NL_1.g": np.ones(2)}}, leave=["NL_*"])
    assert chosen.left == {"module.base.NL_1.g": "as asked: NL_*"}


@pytest.mark.parametrize("container", ["net", "teacher", "model_ema", *CONTAINERS])
def test_a_container_may_be_called_anything_if_there_is_one(container: str) -> None:
    chosen = choose("x.pth", {container: NET, "criterion": {"centers": np.ones(2)}})
    assert (chosen.container, [*chosen.tensors]) == (container, [*NET])


def test_among_others_the_usual_containers_come_first() -> None:
    both = {"model": NET, "model_ema": NET}
    assert choose("x.pth", both).container == "model"
    assert choose("x.pth", both, "model_ema").container == "model_ema"
    assert choose("dino.pth", DINO, "teacher").container == "teacher"


def test_a_file_without_such_a_network_can_be_read_all_the_same() -> None:
    tensors = {"features.0.weight": np.ones(2)}
    assert choose("x.safetensors", {"": tensors}) == Chosen("", tensors, {})

"""Search among features: by pictures, by features, and never across models."""

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snr_keras.reid.search import Features, extract, search
from snr_keras.reid.search.extraction import embed_pictures
from snr_keras.reid.search.model import open_model
from tests.snr_keras.reid.data.folders import colours, jpeg, write
from tests.snr_keras.reid.search.conftest import untrained_run


def test_every_picture_finds_itself_first(flattener, identity, photos: Path) -> None:
    features = embed_pictures(flattener, identity, photos, out="features.h5")
    found = search("features.h5", features, top=3)
    assert found.queries == features.names
    assert [matches[0].name for matches in found.matches] == list(features.names)
    assert all(matches[0].distance == 0 < matches[1].distance for matches in found.matches)


def test_a_query_can_be_left_out_of_what_it_finds(flattener, identity, photos: Path) -> None:
    features = embed_pictures(flattener, identity, photos)
    found = search(features, features, top=100, exclude_itself=True)
    for query, matches in zip(found.queries, found.matches, strict=True):
        assert {match.name for match in matches} == set(features.names) - {query}


def test_a_query_is_left_out_by_its_file_whatever_links_lead_to_it(flattener, identity, photos: Path) -> None:
    Path("linked").symlink_to(photos)
    os.link(photos / "ü.jpg", photos / "again.jpg")
    features = embed_pictures(flattener, identity, photos)
    asked = embed_pictures(flattener, identity, ["linked/ü.jpg", "linked/two words.jpg"])
    found = search(features, asked, top=5, exclude_itself=True)
    everything = {str(photos / name) for name in ("two words.jpg", "new\nline.png", "noending")}
    everything |= {str(photos / "sub/deep/a $x^2 [red].JPG"), os.fsdecode(bytes(photos) + b"/bad\xff.jpg")}
    assert {match.name for match in found.matches[0]} == everything
    assert {match.name for match in found.matches[1]} < everything | {f"{photos}/ü.jpg", f"{photos}/again.jpg"}
    assert [len(matches) for matches in found.matches] == [5, 5]


def test_results_as_json_and_csv_have_every_match(flattener, identity, photos: Path) -> None:
    features = embed_pictures(flattener, identity, photos)
    found = search(features, features, top=2, distance="euclidean")
    content = json.loads(json.dumps(found.to_json()))
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert content["model"] == {"run": "/runs/flattener", "sha256": identity.sha256}
    assert "my photos/bad\\udcff.jpg" in {row["name"] for row in rows}
    from_json = [(q["query"], m["rank"], m["name"], m["distance"]) for q in content["queries"] for m in q["matches"]]
    assert from_json == [(r["query"], int(r["rank"]), r["name"], float(r["distance"])) for r in rows]
    assert len(rows) == 2 * len(features)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sha256": "1" * 64}, "weights of SHA-256"),
        ({"flip": True}, "flip"),
        ({"image_size": (8, 8)}, "images of size"),
    ],
)
def test_features_of_another_model_are_refused(flattener, identity, photos: Path, change: dict, told: str) -> None:
    features = embed_pictures(flattener, identity, photos)
    other = replace(features, model=replace(identity, run="/runs/other", **change))
    with pytest.raises(ValueError, match=rf"'/runs/flattener', the queries by '/runs/other', with {told}"):
        search(features, other)


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> Features:
    """Three pictures, embedded by an untrained network."""
    folder = tmp_path_factory.mktemp("people")
    write(folder, {f"{seed}.jpg": jpeg(np.repeat(colours(8, 4, seed=seed), 8, axis=0)) for seed in range(3)})
    run = untrained_run(tmp_path_factory.mktemp("runs") / "run")
    return extract(folder, model=run, out=folder / "features.h5")


def test_pictures_are_embedded_by_the_model_of_the_features(people: Features) -> None:
    assert people.file is not None
    found = search(people.file, people.path(1), top=1)
    assert found.matches[0][0].name == people.names[1]
    assert found.matches[0][0].distance < 1e-10  # another batch, other last digits


def test_a_model_that_has_changed_or_moved_is_told(people: Features) -> None:
    changed = replace(people, model=replace(people.model, sha256="1" * 64))
    with pytest.raises(ValueError, match=r"what is there now by '.*/runs\d+/run'"):
        search(changed, people.path(0))
    moved = replace(people, model=replace(people.model, run="/nowhere/run"))
    with pytest.raises(FileNotFoundError, match=r"no longer at '/nowhere/run'.* by `model`"):
        search(moved, people.path(0))
    assert search(moved, people.path(0), model=people.model.run).matches[0][0].name == people.names[0]


def test_the_model_in_the_package_is_recorded_by_its_name_and_is_another(people: Features) -> None:
    _, identity = open_model("pretrained", flip=False)
    assert identity.run == "pretrained"
    with pytest.raises(ValueError, match="`model` by 'pretrained', with weights of SHA-256"):
        search(people, people.path(0), model="pretrained")


def test_queries_are_pictures_or_one_file_of_features(people: Features) -> None:
    assert people.file is not None
    with pytest.raises(ValueError, match="or one file of features"):
        search(people, [people.file, people.path(0)])

"""All pictures of some models on some targets, and the page that has them."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import keras
import numpy as np
import pytest

from snr_keras.models import embedder
from snr_keras.reid.data.dataset import ReIDDataset, Split
from snr_keras.reid.targets import TargetResult, embed_dataset, score
from snr_keras.reid.visualization import Choices, sample_images, save_activation_maps, save_cmc_curves, visualize
from snr_keras.reid.visualization.report_page import Group, Picture, Section, report_page
from tests.snr_keras.reid.visualization.conftest import is_drawn

SMALL = Choices(worst=1, images=1, sample=6)
RESULT = TargetResult("fog <i>", 0.5, 0.25, (0.5, 0.75), 4, 3, 9, "market1501", "cosine")


class Tags(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.slow
def test_every_picture_is_there_and_in_the_page(
    with_snr: keras.Model, plain: keras.Model, day: ReIDDataset, tmp_path: Path
) -> None:
    models = {"runs/snr <b>": with_snr, "plain & ä": plain}
    results = visualize(models, [(day,), (day,)], tmp_path / "two words", choices=SMALL)
    folder = tmp_path / "two words"
    of_gates = ("gates.png", "gates.json", "gate_health.json")
    expected = {f"1_runs_snr_b_{name}" for name in ("worst_1_day.png", "worst_2_day_2.png", *of_gates)}
    expected |= {f"2_plain_{name}" for name in ("worst_1_day.png", "worst_2_day_2.png")}
    for model in ("1_runs_snr_b", "2_plain"):
        expected |= {f"{model}_tsne.png", *(f"{model}_maps_stage{n}.png" for n in (1, 2, 3, 4))}
    expected |= {"cmc_1_day.png", "cmc_2_day_2.png", "results.json", "report.html"}
    assert {path.name for path in folder.iterdir()} == expected
    assert all(is_drawn(path, least=100) for path in folder.glob("*.png"))

    told = score(embed_dataset(embedder(plain), day))
    assert results["plain & ä"] == [told, replace(told, target="day (2)")]
    written = json.loads((folder / "results.json").read_text())
    assert written == {name: [result.to_json() for result in of] for name, of in results.items()}
    gates = json.loads((folder / "1_runs_snr_b_gates.json").read_text())
    assert {stage: {d: (of["images"], len(of["mean"])) for d, of in g.items()} for stage, g in gates.items()} == {
        "2": {"day": (6, 40), "day (2)": (6, 40)},
        "3": {"day": (6, 80), "day (2)": (6, 80)},
    }
    health = json.loads((folder / "1_runs_snr_b_gate_health.json").read_text())
    assert {stage: (of["images"], of["channels"]) for stage, of in health.items()} == {"2": (12, 40), "3": (12, 80)}

    page = Tags((folder / "report.html").read_text(encoding="utf-8"))
    inlined = [base64.b64decode(a["src"].removeprefix("data:image/png;base64,")) for t, a in page.tags if t == "img"]
    assert sorted(inlined) == sorted(path.read_bytes() for path in folder.glob("*.png"))
    assert "plain & ä" in page.text
    assert any("has no SNR" in text for text in page.text)


def test_the_page_needs_nothing_else_and_escapes_names(tmp_path: Path) -> None:
    png = tmp_path / "a.png"
    png.write_bytes(b"\x89PNG")
    group = Group("g <script>", "why & how", [Picture('"quoted" <x>', png, 100)])
    page = report_page({"<script>alert(1)</script> & \udcff": [RESULT]}, [Section("s</section>", "t", [group])])
    parsed = Tags(page)
    assert not {"script", "x", "i", "link", "iframe"} & {tag for tag, _ in parsed.tags}
    assert "http" not in page
    assert "url(" not in page
    assert [a["alt"] for tag, a in parsed.tags if tag == "img"] == ['"quoted" <x>']
    assert "<script>alert(1)</script> & \\udcff" in parsed.text
    for figure in ("fog <i>", "50.0", "75.0", "25.0", "3/4", "9"):
        assert figure in parsed.text
    anchors = {a["id"] for _, a in parsed.tags if "id" in a}
    assert {a["href"] for tag, a in parsed.tags if tag == "a"} == {f"#{anchor}" for anchor in anchors}
    page.encode()


def test_a_folder_appears_whole_or_not_at_all(with_snr: keras.Model, day: ReIDDataset, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        raise StopError

    out = tmp_path / "out"
    with pytest.raises(StopError):
        visualize({"snr": with_snr}, [(day,)], out, choices=SMALL, progress=stop)
    assert not any(tmp_path.iterdir())
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="new or empty"):
        visualize({"snr": with_snr}, [(day,)], out, choices=SMALL)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("choices", "message"), [(Choices(stage=5), "stage=5"), (Choices(distance="manhattan"), "manhattan")]
)
def test_what_cannot_be_drawn_is_found_first(with_snr, day, tmp_path: Path, choices: Choices, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        visualize({"snr": with_snr}, [(day,)], tmp_path / "out", choices=choices)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["worst", "images", "sample"])
def test_choices_of_nothing_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}=0"):
        Choices(**{name: 0})


def test_there_must_be_models_and_targets(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="0 models, 0 targets"):
        visualize({}, [], tmp_path / "out")


def test_three_images_are_too_few(with_snr: keras.Model, day: ReIDDataset, tmp_path: Path) -> None:
    query = Split(day.query.paths[:1], np.array([1]), None)
    tiny = replace(day, query=query, gallery=Split(day.gallery.paths[:2], np.array([1, 2]), None))
    with pytest.raises(ValueError, match=r"at least 4 images.*Received: 3"):
        visualize({"snr": with_snr}, [(tiny,)], tmp_path / "out")
    assert not any(tmp_path.iterdir())


def test_a_sample_is_of_some_people_without_junk_and_distractors(day: ReIDDataset) -> None:
    whole = sample_images(day, 100)
    assert sorted(whole.paths) == sorted({*day.query.paths, *day.gallery.paths})
    assert (np.diff(whole.identities) != 0).sum() == 2  # side by side
    some = sample_images(day, 5, seed=1)
    assert len(some) == 5
    assert some.paths == sample_images(day, 5, seed=1).paths
    nobody = np.where(day.gallery.identities == day.gallery.identities[0], -1, 0)
    lonely = replace(day, gallery=Split(day.gallery.paths, nobody, None))
    assert sorted(sample_images(lonely, 100).paths) == sorted(day.query.paths)
    with pytest.raises(ValueError, match="number=0"):
        sample_images(day, 0)


def test_maps_without_snr_have_fewer_columns(with_snr, plain, few: Split, tmp_path: Path) -> None:
    two = Split(few.paths[:2], few.identities[:2], None)
    pictures = save_activation_maps(with_snr, {"day": two}, tmp_path, prefix="x_")
    assert [path.name for path in pictures.values()] == [f"x_maps_stage{n}.png" for n in (1, 2, 3, 4)]
    assert pictures[2].stat().st_size > pictures[1].stat().st_size


def test_cmc_curves_of_several_models(tmp_path: Path) -> None:
    of_two = {"$a$": RESULT, "a long name " * 9: replace(RESULT, cmc=(1.0,) * 50)}
    assert is_drawn(save_cmc_curves(of_two, tmp_path / "cmc.png"))
    for wrong in ({}, {"a": RESULT, "b": replace(RESULT, target="dusk")}):
        with pytest.raises(ValueError, match=re.escape("of one target")):
            save_cmc_curves(wrong, tmp_path / "no.png")
    assert not (tmp_path / "no.png").exists()

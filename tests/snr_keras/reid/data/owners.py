"""Miniatures of data sets, in the very folders, names and files that their owners distribute; images are noise."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
from scipy.io import savemat

from tests.snr_keras.reid.data.folders import bmp, colours, jpeg, png, write

JPEG = jpeg()
PNG = png(colours())
BMP = bmp(colours())


def market1501(root: Path) -> Path:
    """Market-1501: three people to train with, two to test with, a distractor and a junk image."""
    folder = root / "Market-1501-v15.09.15"
    write(folder / "bounding_box_train", [f"{i:04d}_c{c}s1_000451_03.jpg" for i in (2, 7, 10) for c in (1, 2)])
    write(folder / "query", [f"{i:04d}_c1s1_001051_00.jpg" for i in (1, 3)])
    gallery = [f"{i:04d}_c{c}s1_002051_01.jpg" for i in (1, 3) for c in (2, 3)]
    write(folder / "bounding_box_test", [*gallery, "0000_c1s1_000151_01.jpg", "-1_c1s1_000401_03.jpg"])
    write(folder / "gt_query", {"0001_c1s1_001051_00_good.mat": b""})
    return folder


def distractors_500k(folder: Path) -> Path:
    """The folder that distractors_500k.zip unpacks to, in Market-1501's."""
    return write(folder / "images", ["0000_c1s1_000001_00.jpg", "-1_c2s1_000002_00.jpg", "00012345.jpg"])


def dukemtmc(root: Path) -> Path:
    """DukeMTMC-reID."""
    folder = root / "DukeMTMC-reID"
    write(folder / "bounding_box_train", [f"{i:04d}_c{c}_f0046182.jpg" for i in (1, 5) for c in (2, 5)])
    write(folder / "query", ["0005_c2_f0046985.jpg".replace("0005", "0008")])
    write(folder / "bounding_box_test", ["0008_c5_f0051157.jpg", "0011_c2_f0046985.jpg"])
    return folder


def msmt17(root: Path, version: str = "V1") -> Path:
    """MSMT17: people 0 to 2 to train with, others of the numbers 0 and 1 to test with."""
    folder = root / f"MSMT17_{version}"
    train, test = ("train", "test") if version == "V1" else ("mask_train_v2", "mask_test_v2")
    lists = {
        "list_train": [_msmt17_name(i, k, 1 + k) for i in range(3) for k in range(2)],
        "list_val": [_msmt17_name(i, 2, 15) for i in range(3)],
        "list_query": [_msmt17_name(i, 0, 1) for i in range(2)],
        "list_gallery": [_msmt17_name(i, k, 1 + k) for i in range(2) for k in (1, 2)],
    }
    for name, images in lists.items():
        for image in images:
            path = folder / (train if name in ("list_train", "list_val") else test) / image
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(JPEG)
        (folder / f"{name}.txt").write_text("".join(f"{image} {int(image[:4])}\n" for image in images))
    return folder


def _msmt17_name(identity: int, number: int, camera: int) -> str:
    return f"{identity:04d}/{identity:04d}_{number:03d}_{camera:02d}_0303morning_0015_{number}.jpg"


def viper(root: Path, people: int = 8) -> Path:
    """VIPeR: numbers with gaps, from 0, and viewing angles."""
    folder = root / "VIPeR"
    for camera, angle in (("cam_a", 45), ("cam_b", 90)):
        write(folder / camera, {f"{3 * i:03d}_{angle}.bmp": BMP for i in range(people)})
    return folder


def prid2011(root: Path, both: int = 6) -> Path:
    """PRID2011: as many people in both cameras as asked for; camera a has two more, camera b three more."""
    folder = root / "prid_2011"
    seen = list(range(1, both + 1))
    for camera, more in (("cam_a", (201, 202)), ("cam_b", (201, 202, 203))):
        write(folder / "single_shot" / camera, {f"person_{i:04d}.png": PNG for i in (*seen, *more)})
    return folder


def grid(root: Path, people: int = 6) -> Path:
    """GRID: everyone in probe and gallery, four images of others in the gallery, and the ten partitions."""
    folder = root / "underground_reid"
    write(folder / "probe", {f"{i:04d}_1_25004_107_32_106_221.jpeg": JPEG for i in range(1, people + 1)})
    others = [f"0000_{k}_25023_116_134_128_330.jpeg" for k in range(1, 5)]
    write(folder / "gallery", {name: JPEG for name in others})
    write(folder / "gallery", {f"{i:04d}_2_25008_169_19_94_217.jpeg": JPEG for i in range(1, people + 1)})
    rng = np.random.default_rng(0)
    cells = np.empty((1, 10), object)
    for trial in range(10):
        identities = np.sort(1 + rng.permutation(people)[: people // 2])
        cells[0, trial] = {"probe": identities[None], "gallery": identities[None], "identities": identities[None]}
    savemat(folder / "features_and_partitions.mat", {"trainIdxAll": cells, "features": np.zeros((2, 3))})
    return folder


def ilids(root: Path, people: int = 7) -> Path:
    """i-LIDS: two to four images of each person."""
    folder = root / "i-LIDS_Pedestrian"
    write(folder / "Persons", [f"{i:04d}{k:03d}.jpg" for i in range(1, people + 1) for k in range(1, 3 + i % 3)])
    return folder


def cuhk02(root: Path) -> Path:
    """CUHK02: two people in each of five pairs, two images of each by each camera."""
    folder = root / "Dataset"
    for pair in range(1, 6):
        for camera in (1, 2):
            names = [f"{i:03d}_{k:04d}.png" for i in (1, 2) for k in (2 * camera - 1, 2 * camera)]
            write(folder / f"P{pair}" / f"cam{camera}", {name: PNG for name in names})
    return folder


def cuhk_sysu(root: Path) -> Path:
    """CUHK-SYSU: two whole pictures, in which three people appear four times."""
    folder = root / "dataset"
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, 30:] = 250
    write(folder / "Image" / "SSM", {"s1.jpg": jpeg(picture), "s2.jpg": jpeg(picture)})
    appearances = {
        "p1": [("s1.jpg", [2, 3, 10, 20]), ("s2.jpg", [35, 5, 10, 20])],
        "p2": [("s1.jpg", [20, 3, 9, 20])],
        "p11934": [("s2.jpg", [40, 10, 8, 25])],
    }
    people = np.empty((1, len(appearances)), [("idname", object), ("nAppear", object), ("scene", object)])
    for i, (name, scenes) in enumerate(appearances.items()):
        scene = np.empty((1, len(scenes)), [("imname", object), ("idlocate", object), ("ishard", object)])
        for j, (image, box) in enumerate(scenes):
            scene[0, j] = (image, np.array([box]), 0)
        people[0, i] = (name, len(scenes), scene)
    (folder / "annotation").mkdir(parents=True)
    savemat(folder / "annotation" / "Person.mat", {"Person": people})
    return folder


CUHK03_PEOPLE = (3, 2, 1, 1, 1)  # of the five pairs of cameras


def cuhk03(root: Path) -> Path:
    """CUHK03: people of five pairs of cameras with two images by each camera, as MATLAB 7.3 writes them."""
    folder = root / "cuhk03"
    (folder / "cuhk03_release").mkdir(parents=True)
    with h5py.File(folder / "cuhk03_release" / "cuhk-03.mat", "w") as file:
        for kind, shade in (("detected", 100), ("labeled", 200)):
            pairs = [_cuhk03_pair(file, shade, pair, people) for pair, people in enumerate(CUHK03_PEOPLE, 1)]
            file.create_dataset(kind, data=np.array([pairs], h5py.ref_dtype), dtype=h5py.ref_dtype)
        testsets = []
        for number in range(20):
            table = np.array([[1, 1 + number % 3], [2, 1 + number % 2]], float)
            testsets.append(file.create_dataset(f"#refs#/test{number}", data=table.T).ref)
        file.create_dataset("testsets", data=np.array([testsets], h5py.ref_dtype), dtype=h5py.ref_dtype)
    for kind in ("detected", "labeled"):
        _cuhk03_config(folder, kind)
    return folder


def _cuhk03_pair(file: h5py.File, shade: int, pair: int, people: int) -> h5py.Reference:
    cells = np.empty((10, people), h5py.ref_dtype)
    for person in range(people):
        for number in range(10):
            name = f"#refs#/{shade}_{pair}_{person}_{number}"
            if number % 5 < 2:
                image = np.full((6, 4, 3), (shade, 10 * pair + person, number), np.uint8)
                cells[number, person] = file.create_dataset(name, data=image.T).ref
            else:
                empty = file.create_dataset(name, data=np.zeros(2, np.uint64))
                empty.attrs["MATLAB_empty"] = np.uint8(1)
                cells[number, person] = empty.ref
    return file.create_dataset(f"#refs#/{shade}_{pair}", data=cells, dtype=h5py.ref_dtype).ref


def _cuhk03_config(folder: Path, kind: str) -> None:
    """The new protocol: the people of pairs 1 and 2 are trained on, the others tested."""
    names, labels, cameras = [], [], []
    people = [(pair, person) for pair, count in enumerate(CUHK03_PEOPLE, 1) for person in range(1, count + 1)]
    for label, (pair, person) in enumerate(people, 1):
        for number in (1, 2, 6, 7):
            names.append(f"{pair}_{person:03d}_{1 if number <= 5 else 2}_{number:02d}.png")
            labels.append(label)
            cameras.append(1 if number <= 5 else 2)
    labels, cameras, index = np.array(labels), np.array(cameras), np.arange(1, len(names) + 1)
    tested = labels > CUHK03_PEOPLE[0] + CUHK03_PEOPLE[1]
    first = np.array([name.endswith(("_01.png", "_06.png")) for name in names])
    cells = np.empty((len(names), 1), object)
    cells[:, 0] = names
    config = {
        "filelist": cells,
        "labels": labels[:, None],
        "camId": cameras[:, None],
        "train_idx": index[~tested][:, None],
        "query_idx": index[tested & first][:, None],
        "gallery_idx": index[tested & ~first][:, None],
    }
    savemat(folder / f"cuhk03_new_protocol_config_{kind}.mat", config)


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))

"""The comparisons that papers on generalizable re-identification report, by name: training data and test data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from snr_keras.reid.settings.datasets import PLACES

VERSIONS = {
    "market1501": ("market1501", "market1501+500k"),
    "cuhk03": ("cuhk03-detected", "cuhk03-labeled"),
    "msmt17": ("msmt17-v1", "msmt17-v2"),
}
"""Data sets of which papers use different versions; the first is the default."""

_MARKET, _CUHK03, _MSMT17 = (versions[0] for versions in VERSIONS.values())
_DUKE, _CUHK02, _SYSU = "dukemtmc-reid", "cuhk02", "cuhk-sysu"
_SMALL = ("prid2011", "grid", "viper", "ilids")
_LARGE = {"market1501": _MARKET, "msmt17": _MSMT17, "cuhk03": _CUHK03}


@dataclass(frozen=True)
class Comparison:
    """The training and test data of a paper's comparison.

    Attributes:
        name: Name of the comparison.
        sources: Names of the data sets to train on.
        images: Images of them to use: "train" or "all".
        targets: Names of the data sets to test on.
    """

    name: str
    sources: tuple[str, ...]
    images: str
    targets: tuple[str, ...]


def _leave_one_out(protocol: str, images: str) -> list[Comparison]:
    return [
        Comparison(
            f"{protocol}-{left_out}",
            (*(name for key, name in _LARGE.items() if key != left_out), _SYSU),
            images,
            (target,),
        )
        for left_out, target in _LARGE.items()
    ]


COMPARISONS = {
    comparison.name: comparison
    for comparison in (
        Comparison("market-to-duke", (_MARKET,), "train", (_DUKE,)),
        Comparison("duke-to-market", (_DUKE,), "train", (_MARKET,)),
        Comparison("m+d+c+ms", (_MARKET, _DUKE, _CUHK03, _MSMT17), "train", _SMALL),
        Comparison("protocol-1", (_MARKET, _CUHK02, _CUHK03, _SYSU), "all", _SMALL),
        *_leave_one_out("protocol-2", "train"),
        *_leave_one_out("protocol-3", "all"),
    )
}


def find_comparison(name: str, *, use: Iterable[str] = ()) -> Comparison:
    """Find a comparison by its name.

    Args:
        name: One of `COMPARISONS`.
        use: Names of data sets to use in place of the default version, such as `msmt17-v2`; with `=FOLDER` appended,
            the data set is read from that folder.

    Raises:
        ValueError: If there is no such comparison, or one of `use` does not belong to it.
    """
    if name not in COMPARISONS:
        raise ValueError(f"A comparison must be one of {', '.join(COMPARISONS)}. Received: {name!r}")
    found = COMPARISONS[name]
    for wanted in use:
        places = _versions_of(wanted.partition("=")[0])
        there = [n for n in (*found.sources, *found.targets) if n.partition("=")[0] in places]
        if not there:
            raise ValueError(
                f"{name} uses {', '.join((*found.sources, *found.targets))}. Received a version to use: {wanted!r}"
            )
        found = replace(
            found,
            sources=tuple(wanted if n in there else n for n in found.sources),
            targets=tuple(wanted if n in there else n for n in found.targets),
        )
    return found


def _versions_of(name: str) -> tuple[str, ...]:
    for versions in VERSIONS.values():
        if name in versions:
            return versions
    return (name,) if name in PLACES else ()

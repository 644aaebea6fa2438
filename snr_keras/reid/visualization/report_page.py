"""Pictures and scores as one self-contained HTML page: no network, no script; light or dark, wide or narrow."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from snr_keras.reid.data.report import printable
from snr_keras.reid.targets import TargetResult

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5c6670; --paper: #fff; --line: #d4d9de; --card: #f6f7f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e5e9ed; --soft: #9ba5af; --paper: #101317; --line: #2f363d; --card: #181c21; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; font: 1rem/1.5 system-ui, sans-serif;
       color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 2rem 0 .25rem; } p { margin: .5rem 0; max-width: 46rem; } .soft { color: var(--soft); }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; overflow-wrap: normal; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap;
         font-variant-numeric: tabular-nums; }
th.name, td.name { text-align: left; white-space: normal; min-width: 7rem; max-width: 22rem; overflow-wrap: anywhere; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; align-items: flex-start; }
figure { margin: 0; max-width: 100%; padding: .8rem; background: var(--card); border: 1px solid var(--line);
         border-radius: .5rem; }
figcaption { font-weight: 600; } .scroll { overflow-x: auto; margin-top: .5rem; }
img { display: block; max-width: 100%; height: auto; margin: 0 auto; background: #fff; border-radius: .25rem; }
@media (max-width: 40rem) { body { padding: .75rem; } figure { padding: .6rem; }
  .wide img { max-width: none; width: 44rem; } }
a { color: inherit; } nav ul { margin: .5rem 0; padding-left: 1.2rem; }
"""


@dataclass(frozen=True)
class Picture:
    """A picture of the page.

    Attributes:
        title: Title of the picture.
        path: Path of the PNG.
        width: Width in pixels where there is room.
        wide: Whether it is too wide for a phone, and is scrolled there.
    """

    title: str
    path: Path
    width: int
    wide: bool = False


@dataclass(frozen=True)
class Group:
    """Pictures of one kind.

    Attributes:
        title: Title of the group.
        explanation: What the pictures show and how to read them, in plain words.
        pictures: Pictures in order.
    """

    title: str
    explanation: str
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Section:
    """Groups of pictures under a heading.

    Attributes:
        title: Heading of the section.
        text: Sentence below the heading.
        groups: Groups in order.
    """

    title: str
    text: str
    groups: Sequence[Group]


def report_page(results: Mapping[str, Iterable[TargetResult]], sections: Sequence[Section]) -> str:
    """The page, including its pictures.

    Args:
        results: Results on every target, by the name of the model.
        sections: Pictures, whose files must exist.

    Returns:
        The complete HTML document.
    """
    title = f"Pictures of {', '.join(results)}"
    contents = "".join(f'<li><a href="#part{n}">{_text(s.title)}</a></li>' for n, s in enumerate(sections, 1))
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{_text(title)}</h1>",
            *_table(results),
            f"<nav><ul>{contents}</ul></nav>",
            *(_section(section, f"part{n}") for n, section in enumerate(sections, 1)),
            "</body>\n</html>\n",
        ]
    )


def _table(results: Mapping[str, Iterable[TargetResult]]) -> list[str]:
    rows = [(name, result) for name, of_model in results.items() for result in of_model]
    versions = any(result.version for _, result in rows)
    names = ["model", "target", *(["version"] if versions else [])]
    figures = ["mAP", "Rank-1", "Rank-5", "Rank-10", "mINP", "queries", "gallery"]
    head = [f'<th class="name">{name}</th>' for name in names] + [f"<th>{name}</th>" for name in figures]
    lines = []
    for name, result in rows:
        told = [name, result.target, *([result.version] if versions else [])]
        values = (result.mAP, result.rank(1), result.rank(5), result.rank(10), result.mINP)
        cells = [f'<td class="name">{_text(text)}</td>' for text in told]
        cells += [f"<td>{100 * value:.1f}</td>" for value in values]
        cells += [f"<td>{result.num_valid_queries}/{result.num_queries}</td>", f"<td>{result.num_gallery}</td>"]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    ways = dict.fromkeys(f"{result.distance} distance, protocol {result.protocol}" for _, result in rows)
    table = f"<table><thead><tr>{''.join(head)}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    return [
        f'<div class="table">{table}</div>',
        '<p class="soft">In per cent. mAP is the mean over the queries of their average precision; Rank-k is the '
        "fraction with a right image in the top k; mINP shows how far down the last right image is. "
        f"Queries: with a valid match / all. Compared by {_text('; '.join(ways))}.</p>",
    ]


def _section(section: Section, anchor: str) -> str:
    groups = "\n".join(map(_group, section.groups))
    head = f"<h2>{_text(section.title)}</h2>\n<p>{_text(section.text)}</p>"
    return f'<section id="{anchor}">\n{head}\n{groups}\n</section>'


def _group(group: Group) -> str:
    pictures = "\n".join(map(_picture, group.pictures))
    head = f"<h3>{_text(group.title)}</h3>\n<p>{_text(group.explanation)}</p>"
    return f'{head}\n<div class="pictures">\n{pictures}\n</div>'


def _picture(picture: Picture) -> str:
    inlined = base64.b64encode(picture.path.read_bytes()).decode()
    scroll = "scroll wide" if picture.wide else "scroll"
    return (
        f"<figure><figcaption>{_text(picture.title)}</figcaption>\n"
        f'<div class="{scroll}"><img width="{picture.width}" alt="{_text(picture.title)}" '
        f'src="data:image/png;base64,{inlined}"></div></figure>'
    )


def _text(text: str) -> str:
    return escape(printable(text))

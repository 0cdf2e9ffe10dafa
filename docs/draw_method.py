#!/usr/bin/env python3
"""Draw docs/method.svg, the picture of the method in the README.

    python docs/draw_method.py

The rewriter made the two rewrites (scripts/rewrite.py --seed 3). They are kept here, so that the
picture stays the same when the lexicon changes. A test checks that the lexicon still offers each
replacement.
"""

import html
from pathlib import Path
from typing import NamedTuple

PATH = Path(__file__).with_name("method.svg")

ORIGINAL = ["The", "company", "increased", "prices", "because", "demand", "was", "strong", "."]
MASKED = {3: "<mask>"}  # position: what stands there in the row that the encoder reads
SYNONYMS = {3: "costs", 5: "need", 7: "powerful"}
ANTONYMS = {2: "decreased", 5: "supply"}

WIDTH, HEIGHT = 940, 262
LETTER = 7.83  # width of a letter of the monospaced font at 13 px
GREY, BLUE, GREEN, RED = "#57606a", "#0550ae", "#116329", "#a40e26"
TINTS = {GREY: "#eaeef2", BLUE: "#ddf4ff", GREEN: "#dafbe1", RED: "#ffebe9"}


class Row(NamedTuple):
    """A view of the sentence: its title, what replaces its words by position, and their color."""

    title: str
    replaced: dict[int, str]
    color: str


ROWS = (
    Row("original, some tokens masked", MASKED, BLUE),
    Row("synonym view: same meaning", SYNONYMS, GREEN),
    Row("antonym view: different meaning", ANTONYMS, RED),
)
LOSSES = (
    ("masked LM", "which tokens were masked?", "prices"),
    ("replaced token detection", "which tokens were replaced?", "costs, need, powerful, ..."),
    ("contrastive", "which view means the same?", "the synonym view"),
)


def text(x: float, y: float, content: str, color: str = GREY, **style: str) -> str:
    """A line of text that begins at (x, y)."""
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in style.items())
    return f'<text x="{x:g}" y="{y:g}" fill="{color}"{attributes}>{html.escape(content)}</text>'


def box(x: float, y: float, width: float, height: float, color: str, fill: str) -> str:
    """A rectangle with round corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" '
        f'stroke="{color}" fill="{fill}"/>'
    )


def arrow(x: float, y: float, to_x: float, to_y: float) -> str:
    """A line with a head at its end."""
    return (
        f'<line x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}" stroke="{GREY}" '
        'marker-end="url(#head)"/>'
    )


def draw_row(row: Row, y: float) -> list[str]:
    """The title of a view, and its words below, the replaced ones in color."""
    parts = [text(20, y, row.title, row.color, font_weight="bold", font_size="13")]
    x = 20.0
    for position, original in enumerate(ORIGINAL):
        word = row.replaced.get(position, original)
        width = len(word) * LETTER
        style = {"font_family": "monospace", "font_size": "13", "textLength": f"{width:g}"}
        if position in row.replaced:
            parts.append(box(x - 3, y + 9, width + 6, 20, row.color, TINTS[row.color]))
            parts.append(text(x, y + 23, word, row.color, **style))
        else:
            parts.append(text(x, y + 23, word, "#24292f", **style))
        x += width + LETTER
    return parts


def draw() -> str:
    """The picture as SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" role="img">',
        "<title>CLINE: one encoder reads a text and two rewrites of it, for three losses</title>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="{GREY}"/></marker></defs>',
        # A background of its own, for readers with dark pages.
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
        box(542, 40, 96, 182, GREY, TINTS[GREY]),
        text(590, 128, "encoder", "#24292f", font_size="15", text_anchor="middle"),
        text(590, 147, "(RoBERTa)", GREY, font_size="12", text_anchor="middle"),
    ]
    for index, row in enumerate(ROWS):
        y = 46 + 76 * index
        parts += draw_row(row, y)
        parts.append(arrow(500, y + 18, 538, y + 18))
    for index, (name, question, answer) in enumerate(LOSSES):
        y = 46 + 76 * index
        parts.append(arrow(640, y + 10, 684, y + 10))
        parts.append(text(694, y, name, "#24292f", font_weight="bold", font_size="14"))
        parts.append(text(694, y + 18, question, GREY, font_size="13"))
        parts.append(text(694, y + 35, answer, BLUE, font_size="13", font_style="italic"))
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    PATH.write_text(draw(), encoding="utf-8")

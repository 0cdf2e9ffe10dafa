"""Tables in Markdown, which read well on a terminal too."""

from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Write a table.

    Args:
        header: titles of the columns.
        rows: cells of each row, as many as titles. Cells are written as ``str`` does; None is an
            empty cell.

    Returns:
        lines that end in a line feed.

    Raises:
        ValueError: if a row has more or fewer cells than the header.

    Example:
        >>> print(markdown_table(["task", "accuracy"], [["RTE", 71.5], ["WNLI", None]]), end="")
        | task | accuracy |
        |---|---|
        | RTE | 71.5 |
        | WNLI | |
    """
    rows = [list(row) for row in rows]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row has {len(row)} cells and the header {len(header)}: {row}")
    lines = [_line(header), "|" + "---|" * len(header), *map(_line, rows)]
    return "\n".join(lines) + "\n"


def _line(cells):
    return "|" + "".join(" |" if cell is None else f" {cell} |" for cell in cells)

"""Make text from files safe to print to a terminal or to open in a spreadsheet."""

import re

# Control characters, line ends, and marks that change the direction of the text that follows.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def printable(text: str, layout: str = "\n\t") -> str:
    r"""Replace control characters with escapes such as ``\x1b``.

    A terminal would obey control characters: they can move the cursor, or fake typed input.

    Args:
        text: text that comes from a file.
        layout: control characters to keep.
    """
    return _CONTROLS.sub(
        lambda match: match[0] if match[0] in layout else repr(match[0])[1:-1], text
    )


def cell(value: object) -> object:
    """Keep a spreadsheet from running a value of a TSV or CSV file as a formula.

    Text that begins like a formula gets an apostrophe in front, as OWASP recommends. So does text
    that has apostrophes before such a beginning, so that :func:`from_cell` is the inverse.
    """
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def from_cell(text: str) -> str:
    """The inverse of :func:`cell`."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text

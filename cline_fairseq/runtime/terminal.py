"""Text from files, made fit for terminals and spreadsheets."""

import re

# Control characters, ends of lines, and marks that change the direction of all that follows.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def printable(text: str, layout: str = "\n\t") -> str:
    r"""Text whose control characters are written as escapes, such as ``\x1b``.

    A terminal would obey them: they can move the cursor, or send what looks typed.

    Args:
        text: of a file, or with names from one.
        layout: control characters that stay.
    """
    return _CONTROLS.sub(
        lambda match: match[0] if match[0] in layout else repr(match[0])[1:-1], text
    )


def cell(value: object) -> object:
    """A value for a file that people open as a spreadsheet, which must not run it as a formula.

    Text that begins like a formula gets an apostrophe in front, as OWASP recommends. So does text
    that begins with apostrophes and then like a formula, so that :func:`from_cell` can tell.
    """
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def from_cell(text: str) -> str:
    """The text that :func:`cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text

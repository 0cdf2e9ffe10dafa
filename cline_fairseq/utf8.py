"""Decode lines of UTF-8 text; errors name the file, the line and the byte."""

from .errors import InputError

_BOM = b"\xef\xbb\xbf"


def decode_line(line: bytes, name: object, number: int, advice: str = "convert it first") -> str:
    """Decode a line.

    Args:
        line: the bytes of the line.
        name: what the error message calls the file.
        number: the number of the line, from 1.
        advice: what to do about bytes that are not UTF-8.

    Raises:
        InputError: if the line is not UTF-8.
    """
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}, line {number}: byte {error.start + 1} is not UTF-8 ({error.reason}): {advice}"
        ) from error


def decode_lines(data: bytes, name: object, advice: str = "convert it first") -> list[str]:
    """Decode a file. Only a line feed, alone or after a carriage return, ends a line.

    Args:
        data: the content of the file; a byte order mark at its start is skipped.
        name: what the error message calls the file.
        advice: what to do about bytes that are not UTF-8.

    Raises:
        InputError: if a line is not UTF-8.
    """
    lines = data.removeprefix(_BOM).split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [
        decode_line(line.removesuffix(b"\r"), name, number, advice)
        for number, line in enumerate(lines, 1)
    ]

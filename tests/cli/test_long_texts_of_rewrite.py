"""How rewrite.py reads: a limit of lines, and chunks that take little memory."""

from itertools import chain

import pytest

from cline_fairseq.cli import rewrite
from cline_fairseq.errors import InputError


def test_chunks_are_small():
    texts = [(i, "x" * 1000) for i in range(3 * rewrite.CHUNK + 1)]
    chunks = list(rewrite.chunks_of(texts))
    assert [len(chunk) for chunk in chunks] == [*[rewrite.CHUNK] * 3, 1]
    assert list(chain.from_iterable(chunks)) == texts
    long = [(i, "x" * (rewrite.CHUNK_CHARACTERS // 3)) for i in range(7)]
    assert [len(chunk) for chunk in rewrite.chunks_of(long)] == [4, 3]


@pytest.mark.parametrize("end", [b"\n", b""])
def test_the_longest_line(tmp_path, end):
    path = tmp_path / "text"
    path.write_bytes(b"a\n" + b"x" * 50 + end)
    assert list(rewrite.read_texts([path], (0, 1), 50)) == [(0, "a"), (1, "x" * 50)]
    with pytest.raises(InputError, match="line 2 has more than 49 bytes"):
        list(rewrite.read_texts([path], (0, 1), 49))


@pytest.mark.parametrize("value", ["-1", "0", "many"])
def test_the_limit_is_at_least_a_byte(capsys, value):
    with pytest.raises(SystemExit):
        rewrite.main(["--max-line-bytes", value])
    assert f"expected a whole number that is at least 1, not {value!r}" in capsys.readouterr().err


def test_no_folder_is_made(tmp_path):
    output = tmp_path / "typo" / "out.jsonl"
    with pytest.raises(InputError, match=r"no folder .*typo to write out.jsonl to"):
        rewrite.main(["--output", str(output)])
    assert not output.parent.exists()

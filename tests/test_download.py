"""What docs/how-to/download.md does with files from the network."""

import re
import subprocess

from cline_fairseq.evaluation.glue.reading import read_split
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS
from programs import ROOT

HEADER = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"


def test_mrpc_is_made_of_the_published_files(tmp_path):
    """The pairs that GLUE lists become the dev set, in either position of the file."""
    folder = tmp_path / "MRPC"
    folder.mkdir()
    rows = [f'{i % 2}\t{i}\t{i + 50}\tFirst "{i} .\tSecond {i} .' for i in range(9)]
    for name, part in (("train", rows[:6]), ("test", rows[6:])):
        text = "\ufeff" + "\r\n".join([HEADER, *part, ""])
        (folder / f"msr_paraphrase_{name}.txt").write_bytes(text.encode())
    (folder / "mrpc_dev_ids.tsv").write_text("4\t54\n0\t50\n1\t99\n")
    page = (ROOT / "docs" / "how-to" / "download.md").read_text(encoding="utf-8")
    commands = re.findall(r"^awk .*", page, re.MULTILINE)
    assert len(commands) == 2
    subprocess.run(
        ["bash", "-euc", "\n".join(commands)], env={"GLUE_DIR": str(tmp_path)}, check=True
    )
    found = {
        split: read_split(GLUE_TASKS["MRPC"], split, tmp_path) for split in GLUE_TASKS["MRPC"].files
    }
    indices = {"train": [1, 2, 3, 5], "valid": [0, 4], "test": [6, 7, 8]}
    for split, expected in indices.items():
        assert found[split].texts == [(f'First "{i} .', f"Second {i} .") for i in expected]
        if split != "test":
            assert found[split].labels == [str(i % 2) for i in expected]

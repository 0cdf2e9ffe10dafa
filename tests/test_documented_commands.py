"""Commands that people copy: an interrupted run resumes when the same command is given again."""

import re

import pytest
from omegaconf import OmegaConf

from programs import ROOT

CONFIGS = sorted(ROOT.glob("examples/*/config/*.yaml"))
# Each names its command, unless it is composed with the base.yaml beside it.
COMPLETE = [path for path in CONFIGS if "defaults" not in OmegaConf.load(path)]
DOCUMENTS = [
    *(ROOT / "README.md", *sorted(ROOT.glob("examples/*/README.md"))),
    *sorted(ROOT.glob("docs/**/*.md")),
]
TEXTS = [*DOCUMENTS, *sorted(ROOT.glob("scripts/*.py")), *CONFIGS]


def commands(program):
    """The commands of documents, programs and configurations that start with a name."""
    found = []
    for path in TEXTS:
        text = re.sub(r"^#", " ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        text = re.sub(r"\\+\n\s*", "", text)
        lines = re.findall(rf"^ *{program} .*", text, flags=re.MULTILINE)
        found += [(path.relative_to(ROOT), line) for line in lines]
    return found


def test_no_command_starts_again_from_a_model():
    """--restore-file does, each time."""
    for path in TEXTS:
        assert not re.search(r"--restore-file \S*(/|\.pt|MODEL)", path.read_text("utf-8")), path


def test_training_saves_before_its_end():
    long = [item for item in commands("fairseq-train") if "--max-update" in item[1]]
    assert len(long) >= 2
    for path, command in long:
        options = dict(re.findall(r"(--[\w-]+) (\d+)", command))
        interval = int(options["--save-interval-updates"])
        assert interval < int(options["--max-update"]), path
        assert "--save-dir " in command, path
        assert "--keep-interval-updates" in options, path


def test_hydra_saves_in_a_named_folder():
    found = commands("fairseq-hydra-train")
    assert len(found) >= len(COMPLETE) >= 3
    for path, command in found:
        if command.endswith("..."):
            continue
        assert "checkpoint.save_dir=$PWD/" in command, path
        paths = re.findall(r"(?:dir|data|model|json|bpe)=(\S+)", command)
        assert all(value.startswith("$PWD/") for value in paths), path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_asks_for_the_folder(path):
    config = OmegaConf.load(path)
    for name in config.get("defaults", []):
        if name == "base":  # composed from it
            config = OmegaConf.merge(OmegaConf.load(path.with_name("base.yaml")), config)
    assert OmegaConf.is_missing(config.checkpoint, "save_dir")

"""The documentation: its picture, its links and the messages that it quotes."""

import ast
import re
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml

from cline_fairseq.rewriting import Kind
from programs import ROOT
from project_files import project_files


def _load(path):
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES = project_files("*.md")
METHOD = _load(ROOT / "docs" / "draw_method.py")


def test_picture_is_what_the_script_draws():
    assert METHOD.PATH.read_text(encoding="utf-8") == METHOD.draw()


@pytest.mark.parametrize(
    ("position", "tag", "candidate", "kinds"),
    [
        (3, "NNS", METHOD.SYNONYMS[3], (Kind.SYNONYM, Kind.HYPERNYM)),
        (5, "NN", METHOD.SYNONYMS[5], (Kind.SYNONYM, Kind.HYPERNYM)),
        (7, "JJ", METHOD.SYNONYMS[7], (Kind.SYNONYM, Kind.HYPERNYM)),
        (2, "VBD", METHOD.ANTONYMS[2], (Kind.ANTONYM, Kind.INDIRECT_ANTONYM)),
        (5, "NN", METHOD.ANTONYMS[5], (Kind.ANTONYM, Kind.INDIRECT_ANTONYM)),
    ],
)
def test_picture_shows_candidates_of_the_lexicon(lexicon, position, tag, candidate, kinds):
    word = METHOD.ORIGINAL[position]
    assert any(candidate in lexicon.candidates(word, tag, kind) for kind in kinds)


def _without_code(text):
    return re.sub(r"^```.*?^```$|`[^`\n]+`", "", text, flags=re.M | re.S)


def _anchors(path):
    """The anchors that GitHub gives to the headings of a page, and those that it sets itself."""
    text = path.read_text(encoding="utf-8")
    anchors = set(re.findall(r'<a id="([^"]+)"', text))
    for title in re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M
    ):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower())
        anchors.add(words.strip().replace(" ", "-"))
    return anchors


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path):
    links = re.findall(r"\]\(([^)\s]+)\)", _without_code(path.read_text(encoding="utf-8")))
    for link in links:
        if re.match(r"https?:|mailto:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the project"
        if anchor:
            assert anchor in _anchors(target), f"{link}: no such heading"


def test_every_page_is_in_the_site():
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    hooks = (ROOT / "docs" / "hooks.py").read_text(encoding="utf-8")
    in_navigation = set(re.findall(r"[\w/-]+\.md", str(config["nav"])))
    for path in project_files("docs/*.md"):
        assert str(path.relative_to(ROOT / "docs")) in in_navigation
    for path in project_files("*README.md"):
        name = str(path.relative_to(ROOT))
        if not name.startswith("tests/"):
            assert name in hooks or path.parent.name in hooks


def test_method_names_files_of_the_package():
    text = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    names = re.findall(r"`([\w/]+\.py)`", text)
    assert len(names) > 20
    for name in names:
        assert (ROOT / "cline_fairseq" / name).is_file(), name


@pytest.mark.slow
def test_site_builds_without_a_warning(tmp_path):
    for package in ("material", "mkdocstrings_handlers.python"):
        pytest.importorskip(package, reason="needs the extra docs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (tmp_path / "reference" / "rewriting" / "index.html").is_file()


# Messages of versions that do not run here, from reports of users.
ELSEWHERE = (
    "ValueError: mutable default <class 'fairseq.dataclass.configs.CommonConfig'> for field common "
    "is not allowed: use default_factory",
    "ERROR: Cannot install fairseq and fairseq==0.12.2 because these package versions have "
    "conflicting dependencies.",
    "ModuleNotFoundError: No module named 'hydra.experimental'",
    "AttributeError: module 'numpy' has no attribute 'float'",
    "fairseq-train: error: argument --task: invalid choice: 'cline' (choose from ...",
)
# Where the other messages that are not ours come from.
OTHERS = (
    *("fairseq_cli.train", "fairseq.optim.dynamic_loss_scaler", "omegaconf.base"),
    *("omegaconf.basecontainer", "omegaconf.dictconfig"),
)


def _strings(source):
    """All text in a module: its string literals, with {} for what f-strings fill in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                part.value if isinstance(part, ast.Constant) else "{}" for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_quoted_messages_are_those_of_the_code():
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = "".join(re.findall(r"^```text\n(.*?)^```$", text, re.M | re.S)).splitlines()
    paths = [
        *project_files("cline_fairseq/*.py"),
        *(Path(find_spec(name).origin) for name in OTHERS),
    ]
    sources = [path.read_text(encoding="utf-8") for path in paths]
    known = "\n".join(string for source in sources for string in _strings(source))
    assert len(messages) >= 20
    for message in set(messages) - set(ELSEWHERE):
        said = re.sub(r"^(error|\w+Error): ", "", message)
        for part in said.split("..."):
            assert part.strip(" '(-") in known, message
    assert set(ELSEWHERE) <= set(messages)


# Of pip, torchrun and docker, and the name of a check of tests/stress/run.py.
FOREIGN_OPTIONS = {
    # Of evaluate-contrast, which puts their names together.
    *(f"{a}-{b}-column" for a in ("original", "contrast") for b in ("text", "text2", "label")),
    *("no-deps", "no-python", "nproc-per-node", "shm-size", "ipc", "signals"),
    # Of curl, git and hf.
    *("create-dirs", "output-dir", "remote-name-all", "depth", "local-dir", "include", "repo-type"),
}
FAIRSEQ_OPTIONS = (
    *("fairseq.dataclass.configs", "fairseq.options", "fairseq.models.roberta.model"),
    *("fairseq.optim.lr_scheduler.polynomial_decay_schedule", "fairseq.tasks.sentence_prediction"),
    *("fairseq.data.encoders.gpt2_bpe", "fairseq.data.encoders.sentencepiece_bpe"),
)


def test_options_in_the_documents_exist():
    """Those of our programs and of fairseq's: arguments, and fields of its dataclasses."""
    paths = [path for path in project_files("*.py") if path.name != Path(__file__).name]
    paths += [Path(find_spec(name).origin) for name in FAIRSEQ_OPTIONS]
    source = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    arguments = set(re.findall(r"[\"']--([a-z][a-z0-9-]+)[\"']", source))
    fields = {name.replace("_", "-") for name in re.findall(r"^    (\w+): ", source, re.M)}
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"^### Removed\n.*?(?=^##)", "", text, flags=re.DOTALL | re.MULTILINE)
        named = re.findall(r"(?<![\w-])--([a-z][a-z0-9-]+)", text)
        assert set(named) <= arguments | fields | FOREIGN_OPTIONS, path

"""What is built and installed works without the project's folder."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

import pytest

from helpers import TOKENIZER
from programs import ROOT

pytestmark = pytest.mark.slow
FOLDERS = (".ci", "cline_fairseq", "docs", "examples", "scripts", "tests")


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The folder of the wheel and the sdist."""
    pytest.importorskip("build")
    source = tmp_path_factory.mktemp("dist") / "source"
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, source)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", source.parent, source],
        check=True,
        capture_output=True,
    )
    return source.parent


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory):
    """Run a program of an environment with the wheel, from an empty folder.

    The environment sees the packages that this one has, but not the project.
    """
    folder = tmp_path_factory.mktemp("installed")
    environment, (wheel,) = folder / "env", dist.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps"),
            *("--no-index", "--quiet", wheel),
        ],
        check=True,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    packages = next(environment.glob("lib/python*/site-packages"))
    (packages / "others.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")

    def run(program, *arguments):
        result = subprocess.run(
            [environment / "bin" / program, *map(str, arguments)],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "HOME": str(folder)},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_wheel_holds_the_package_alone(dist):
    (wheel,) = dist.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.split("/")[0] for name in names}
    assert folders == {"cline_fairseq", f"{wheel.name.split('-py3')[0]}.dist-info"}
    for name in ("py.typed", "rewriting/resources/lexicon.en.npz", "cli/main.py"):
        assert f"cline_fairseq/{name}" in names
    assert any(name.endswith("WORDNET_LICENSE") and ".dist-info/" in name for name in names)


def test_sdist_holds_the_tests(dist):
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    for folder in FOLDERS:
        ours = (path for path in (ROOT / folder).rglob("*") if path.is_file())
        ours = {str(path.relative_to(ROOT)) for path in ours if "__pycache__" not in path.parts}
        assert ours <= names
    assert {"Makefile", "constraints.txt", "pyproject.toml", "CONTRIBUTING.md"} <= names


def test_programs_of_the_wheel(installed, corpus, texts, tmp_path):
    """From text to a Hugging Face model, as the README has it."""
    from glue_files import write_task

    assert "train-tokenizer" in installed("cline-fairseq", "--help")
    user_dir = installed("cline-fairseq", "user-dir").rstrip("\n")
    assert "site-packages" in user_dir
    rewritten = installed("cline-fairseq", "rewrite", "--input", corpus / "valid.txt")
    assert len(rewritten.splitlines()) >= 100
    model = tmp_path / TOKENIZER
    installed(
        *("cline-fairseq", "train-tokenizer", "--input", corpus / "train.txt"),
        *("--dest", tmp_path, "--vocab-size", 2000),
    )
    tokenizer = ("--bpe", "sentencepiece", "--sentencepiece-model", model)
    for split in ("train", "valid"):
        installed(
            *("cline-fairseq", "encode", *tokenizer, "--dict", tmp_path / "dict.txt"),
            *("--input", corpus / f"{split}.txt", "--binarize", "--dest", tmp_path / "data-bin"),
            *("--split", split, "--workers", 2),
        )
    installed(
        *("python", "-m", "fairseq_cli.train", tmp_path / "data-bin", "--user-dir", user_dir),
        *("--task", "cline", "--criterion", "cline", "--arch", "cline_tiny", *tokenizer),
        *("--tokens-per-sample", 64, "--batch-size", 8, "--optimizer", "fused_adamw", "--cpu"),
        *("--lr", "1e-3", "--max-update", 20, "--save-dir", tmp_path / "checkpoints"),
        *("--no-epoch-checkpoints", "--log-format", "json", "--num-workers", 0),
    )
    write_task(tmp_path / "glue", "RTE", texts, 1)
    installed(
        *("cline-fairseq", "glue-preprocess", "--glue-dir", tmp_path / "glue", *tokenizer),
        *("--dict", tmp_path / "dict.txt", "--dest", tmp_path / "glue-bin", "--tasks", "RTE"),
    )
    installed(
        *("cline-fairseq", "export-hf", "--checkpoint", tmp_path / "checkpoints"),
        *("--dest", tmp_path / "hf"),
    )
    assert (tmp_path / "hf" / "config.json").exists()
    assert (tmp_path / "glue-bin" / "RTE" / "manifest.json").exists()

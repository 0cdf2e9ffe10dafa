"""The task ``cline``: pre-training on a binarized corpus that is rewritten on the fly."""

import logging
import os
from dataclasses import dataclass, field, fields
from typing import Any

from fairseq import utils
from fairseq.data import Dictionary
from fairseq.data.iterators import EpochBatchIterator
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.tasks import FairseqTask, register_task
from omegaconf import II, MISSING

from ..compat.workers import keep_incomplete_groups
from ..data.cline_dataset import ClineDataset
from ..data.corpus_lines import load_dictionary, load_lines, require_text
from ..data.known import require_known_lines
from ..data.left_out import log_unused_batches, log_unused_shards
from ..data.masking import Masking
from ..data.token_blocks import token_blocks
from ..data.vocabulary import build_vocabulary
from ..dictionary import ALLOWED_UNKNOWN, MASK
from ..errors import InputError, MissingFileError
from ..rewriting import Lexicon, Tagger
from ..rewriting.blocks import BlockRewriter
from ..rewriting.engine import Engine
from ..rewriting.kinds import ANTONYM_KINDS, SYNONYM_KINDS, format_kinds, parse_kinds
from .views_record import report_changes, views_record

logger = logging.getLogger(__name__)

MIN_BLOCK = 8  # tokens; shorter texts have hardly any words to replace
# Views are about 8 % longer than their texts, so blocks are filled only to 90 % of the limit. With
# full blocks, a third of the replacements would not fit.
HEADROOM = 1.1


@dataclass
class ClineConfig(FairseqDataclass):
    """Options of the task. The tokenizer is configured by fairseq's own ``--bpe`` options."""

    data: str = field(
        default=MISSING,
        metadata={
            "help": "folders written by fairseq-preprocess --only-source, separated by colons; "
            "each epoch uses the next one"
        },
    )
    sample_break_mode: ChoiceEnum(["none", "complete", "complete_doc", "eos"]) = field(  # type: ignore[valid-type]
        default="complete",
        metadata={
            "help": "how lines form blocks: none cuts anywhere; complete cuts only between lines; "
            "complete_doc also starts a new block at blank lines; eos makes each line a block"
        },
    )
    tokens_per_sample: int = field(
        default=512,
        metadata={
            "help": "maximum length of a view, in tokens; blocks are a tenth shorter, to leave "
            "room for replacements that are longer than the words they replace"
        },
    )
    mask_prob: float = field(default=0.15, metadata={"help": "fraction of tokens to predict"})
    leave_unmasked_prob: float = field(
        default=0.1, metadata={"help": "fraction of the predicted tokens to keep unchanged"}
    )
    random_token_prob: float = field(
        default=0.1, metadata={"help": "fraction of the predicted tokens to replace by random ones"}
    )
    mask_whole_words: bool = field(
        default=False, metadata={"help": "mask all subwords of a word together"}
    )
    rtd_content_words: bool = field(
        default=False,
        metadata={
            "help": "compute the RTD loss only on words that could have been replaced",
        },
    )
    mask_views: bool = field(
        default=False,
        metadata={
            "help": "mask the views like the original, at tokens that were not replaced, so that "
            "masks do not reveal which row is the original, and all three have masked-LM targets"
        },
    )
    clean_original: bool = field(
        default=False,
        metadata={
            "help": "add the original without masks as a fourth row, which the contrastive loss "
            "uses instead of the masked one; --max-tokens counts it"
        },
    )
    synonym_ratio: float = field(
        default=0.4, metadata={"help": "fraction of the tokens to replace in the synonym view"}
    )
    antonym_ratio: float = field(
        default=0.2, metadata={"help": "fraction of the tokens to replace in the antonym view"}
    )
    synonym_kinds: str = field(
        default=format_kinds(SYNONYM_KINDS),
        metadata={
            "help": "weights of the kinds of replacements in the synonym view; a candidate is "
            "drawn with the probability of this weight times its own"
        },
    )
    antonym_kinds: str = field(
        default=format_kinds(ANTONYM_KINDS),
        metadata={
            "help": "weights of the kinds of replacements in the antonym view; co-hyponyms "
            "(coffee, tea), then random words with the same tag, are only used until the view "
            "reaches --antonym-ratio"
        },
    )
    enough_antonyms: float = field(
        default=1.0,
        metadata={
            "help": "stop adding random words to the antonym view once antonyms and co-hyponyms "
            "cover this fraction of --antonym-ratio (1: fill up completely; 0: never add any)"
        },
    )
    match_edits: bool = field(
        default=False,
        metadata={
            "help": "add replacements of the synonym view's kinds to the antonym view until both "
            "views have the same number of replaced tokens and the same length"
        },
    )
    one_kind_per_text: bool = field(
        default=False,
        metadata={
            "help": "draw the kind of replacements once for each view of a text instead of for "
            "each word"
        },
    )
    lexicon: str = field(
        default="en", metadata={"help": "name of a shipped lexicon, or an .npz file"}
    )
    tagger: str = field(
        default="en", metadata={"help": "name of a shipped tagger, or an .npz file"}
    )
    allow_unknown: float = field(
        default=ALLOWED_UNKNOWN,
        metadata={
            "help": "maximum fraction of the corpus's tokens that may be pieces missing from the "
            "dictionary, estimated from a sample of its lines"
        },
    )
    # All options of --bpe. A field named bpe would only hold the name of the tokenizer.
    subwords: Any = II("bpe")
    train_subset: str = II("dataset.train_subset")
    seed: int = II("common.seed")


# These options do not change the views, and the lexicon and tagger are recorded by their hashes.
_NO_VIEWS_OPTIONS = (
    *("_name", "data", "lexicon", "tagger", "subwords", "train_subset", "allow_unknown"),
)
# The options that the views depend on, with their defaults.
_VIEWS_OPTIONS = {
    option.name: option.default
    for option in fields(ClineConfig)
    if option.name not in _NO_VIEWS_OPTIONS
}


@register_task("cline", dataclass=ClineConfig)
class ClineTask(FairseqTask):
    """Pre-training with masked-LM, replaced-token-detection and contrastive losses."""

    cfg: ClineConfig

    def __init__(self, cfg: ClineConfig, dictionary: Dictionary):
        super().__init__(cfg)
        _check(cfg)
        self.dictionary = dictionary
        self.mask_idx = dictionary.add_symbol(MASK)
        self._rewriter: BlockRewriter | None = None
        self._shards_checked = False

    @classmethod
    def setup_task(cls, cfg: ClineConfig, **kwargs: Any) -> "ClineTask":
        """Set up the task with the dictionary of the corpus.

        Args:
            cfg: options of the task.
            **kwargs: ignored; fairseq may pass more.

        Raises:
            MissingFileError: if a folder of the corpus or its dictionary does not exist.
            InputError: if the dictionary is damaged, or an option has an invalid value.
        """
        path = os.path.join(_folders(cfg)[0], "dict.txt")
        if not os.path.isfile(path):
            raise MissingFileError(
                f"no dictionary {path}: specify the folder that fairseq-preprocess wrote "
                "(--destdir)"
            )
        dictionary = load_dictionary(path)
        logger.info("dictionary: %s types", f"{len(dictionary):,}")
        return cls(cfg, dictionary)

    @property
    def rewriter(self) -> BlockRewriter:
        """The rewriter, built on first use, since fine-tuning does not need it."""
        if self._rewriter is None:
            vocabulary = build_vocabulary(self.dictionary, self.cfg.subwords)
            engine = Engine(
                Lexicon.load(self.cfg.lexicon),
                Tagger.load(self.cfg.tagger),
                self.cfg.synonym_ratio,
                self.cfg.antonym_ratio,
                self.cfg.seed,
                parse_kinds(self.cfg.synonym_kinds, SYNONYM_KINDS),
                parse_kinds(self.cfg.antonym_kinds, ANTONYM_KINDS),
                self.cfg.enough_antonyms,
                self.cfg.match_edits,
                self.cfg.one_kind_per_text,
            )
            self._rewriter = BlockRewriter(engine, vocabulary, self.cfg.tokens_per_sample)
        return self._rewriter

    def load_dataset(
        self, split: str, epoch: int = 1, combine: bool = False, **kwargs: Any
    ) -> None:
        """Load a split of the corpus, from the shard of the given epoch.

        Args:
            split: name of the split, e.g. ``train``.
            epoch: from 1 on.
            combine: whether to include further parts of the split (train1, train2, ... for train).
            **kwargs: ignored; fairseq may pass more.

        Raises:
            MissingFileError: if a file does not exist.
            InputError: if a file is damaged, or does not fit the dictionary or the tokenizer.
        """
        folders = _folders(self.cfg)
        paths = [os.path.join(folder, split) for folder in folders]
        path = paths[(epoch - 1) % len(folders)]
        if split == self.cfg.train_subset:
            self._check_shards(paths, combine)
        else:
            log_unused_shards(paths)
        lines = load_lines(path, self.dictionary, combine)
        require_known_lines(lines, self.dictionary, self.cfg.subwords, self.cfg.allow_unknown, path)
        blocks = token_blocks(
            lines,
            self.dictionary,
            int(self.cfg.tokens_per_sample / HEADROOM),
            str(self.cfg.sample_break_mode),
            path,
        )
        vocabulary = self.rewriter.vocabulary
        maskable = ~(vocabulary.is_special | vocabulary.is_unknown)
        masking = Masking(
            self.mask_idx,
            maskable,
            self.cfg.mask_prob,
            self.cfg.leave_unmasked_prob,
            self.cfg.random_token_prob,
        )
        self.datasets[split] = ClineDataset(
            blocks,
            self.rewriter,
            masking,
            self.dictionary.pad(),
            self.cfg.seed,
            self.cfg.mask_whole_words,
            self.cfg.rtd_content_words,
            self.cfg.mask_views,
            self.cfg.clean_original,
        )

    def _check_shards(self, paths, combine):
        """Check all shards before the first epoch, rather than each one in its own epoch."""
        if not self._shards_checked:
            for path in paths:
                require_text(path, self.dictionary, combine)
            self._shards_checked = True

    def get_batch_iterator(
        self, dataset: ClineDataset, *args: Any, **kwargs: Any
    ) -> EpochBatchIterator:
        """Iterate over batches like fairseq, but without dropping any block.

        Args:
            dataset: a split.
            *args: see ``FairseqTask.get_batch_iterator``.
            **kwargs: see there.

        Raises:
            InputError: if ``--skip-remainder-batch`` leaves no batch.
        """
        iterator = super().get_batch_iterator(dataset, *args, **kwargs)
        keep_incomplete_groups(iterator)
        names = [name for name, held in self.datasets.items() if held is dataset]
        log_unused_batches(iterator, names[0] if names else "the split")
        return iterator

    def get_checkpoint_dict(self) -> dict[str, Any]:
        """What a checkpoint records of the task: everything that its views depend on."""
        return {type(self).__name__: views_record(self.cfg, _VIEWS_OPTIONS)}

    def set_checkpoint_dict(self, record: dict[str, Any]) -> None:
        """Warn if the views of a resumed run differ from those that the checkpoint records."""
        report_changes(record, views_record(self.cfg, _VIEWS_OPTIONS), _VIEWS_OPTIONS)

    @property
    def source_dictionary(self) -> Dictionary:
        """The dictionary of the corpus, including ``<mask>``."""
        return self.dictionary

    @property
    def target_dictionary(self) -> Dictionary:
        """The dictionary of the corpus, including ``<mask>``."""
        return self.dictionary

    def max_positions(self) -> int:
        """The maximum length of a row, in tokens."""
        return self.cfg.tokens_per_sample


def _folders(cfg):
    folders = utils.split_paths(cfg.data)
    for folder in folders:
        if not os.path.isdir(folder):
            raise MissingFileError(
                f"no folder {folder}: specify the one that fairseq-preprocess wrote (--destdir)"
            )
    return folders


def _check(cfg):
    for name in (
        "mask_prob",
        "leave_unmasked_prob",
        "random_token_prob",
        "synonym_ratio",
        "antonym_ratio",
        "allow_unknown",
    ):
        value = getattr(cfg, name)
        if not 0 <= value <= 1:
            raise InputError(f"--{name.replace('_', '-')} must be from 0 to 1, not {value}")
    if cfg.leave_unmasked_prob + cfg.random_token_prob > 1:
        raise InputError("--leave-unmasked-prob and --random-token-prob add up to more than 1")
    if cfg.tokens_per_sample < MIN_BLOCK:
        raise InputError(
            f"--tokens-per-sample must be at least {MIN_BLOCK}, not {cfg.tokens_per_sample}"
        )

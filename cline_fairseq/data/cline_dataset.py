"""The dataset of the CLINE task: blocks of tokens in, batches of three views out."""

from typing import Any

import numpy as np
import torch
from fairseq.data import FairseqDataset

from ..errors import InputError
from ..rewriting.blocks import BlockRewriter
from .masking import Masking

# Of the order of blocks. Raise it when an epoch takes them in another order, so that resumed runs
# say so.
ORDER_VERSION = 2
# Each purpose has random numbers of its own. The rewriter's are those of (seed, epoch, index),
# which to numpy is the same as (seed, epoch, index, 0).
_MASKING_STREAM = 1
_ORDER_STREAM = 2
_VIEW_MASKING_STREAMS = (3, 4)  # of the synonym view, of the antonym view


class ClineDataset(FairseqDataset):
    """Rewrites and masks blocks anew in each epoch.

    All draws hang on (seed, epoch, index of the block), so that batches are the same for any
    number of workers, and after resuming. The work is done in the collater, for all blocks of a
    batch at once.

    Args:
        blocks: dataset of token blocks that begin with ``<s>``.
        rewriter: makes the views.
        masking: masks the originals.
        pad: id of the padding token, also the target where nothing is predicted.
        seed: of masking and of the order of blocks; the rewriter has its own.
        mask_whole_words: mask all subwords of a word together.
        rtd_content_words: RTD has targets at words that could be replaced only.
        mask_views: mask the views too, at tokens that were not replaced.
        clean_original: add a row for each text, its original without masks.
        shuffle: order blocks of equal length at random.
    """

    def __init__(
        self,
        blocks,
        rewriter: BlockRewriter,
        masking: Masking,
        pad: int,
        seed: int = 1,
        mask_whole_words: bool = False,
        rtd_content_words: bool = False,
        mask_views: bool = False,
        clean_original: bool = False,
        shuffle: bool = True,
    ):
        super().__init__()
        self.blocks, self.rewriter, self.masking = blocks, rewriter, masking
        self.pad, self.seed, self.shuffle = pad, seed, shuffle
        self.mask_whole_words, self.rtd_content_words = mask_whole_words, rtd_content_words
        self.mask_views, self.clean_original = mask_views, clean_original
        self.num_rows = 4 if clean_original else 3  # of a text
        self.epoch = 1
        self._sizes = blocks.sizes  # of few bits: with a line in each block, there are many

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        """No: workers that live on from the last epoch would not hear of the new one."""
        return False

    def set_epoch(self, epoch: int) -> None:
        """Rewrite and mask as in this epoch from now on."""
        super().set_epoch(epoch)
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._sizes)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"id": int(index), "source": self.blocks[index]}

    def collater(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        """Make a batch of B blocks.

        Returns:
            ``{id, nsentences, ntokens, net_input: {src_tokens, src_lengths}, mlm_target,
            rtd_target, has_contrast, view_tokens, replaced_tokens}``, and nothing for no samples.
            ``src_tokens`` int64 (3B, T) holds B masked originals, B synonym views and B antonym
            views; with ``clean_original`` (4B, T), with B originals without masks at the end.
            ``mlm_target`` int64 (B, T), or (3B, T) with ``mask_views``, holds the masked tokens,
            padding elsewhere; ``rtd_target`` int64 (2B, T) is 1 for a replaced token, 0 for an
            original one and -1 for special tokens, masked tokens and padding.
            ``has_contrast`` bool (B,) says which texts have a replacement in both views, in the
            antonym view one that changes the meaning.
            ``view_tokens`` counts the tokens of each view (``synonym``), special ones aside, and
            ``replaced_tokens`` counts replaced tokens by view and kind
            (``synonym_view_hypernym``).
        """
        if not samples:
            return {}
        ids = [sample["id"] for sample in samples]
        blocks = [sample["source"].numpy() for sample in samples]
        lengths = np.array([len(block) for block in blocks])
        originals = np.concatenate(blocks)
        self._require_known(originals)
        masked, target = self._mask(originals, lengths, ids, _MASKING_STREAM)
        views = self.rewriter.rewrite(blocks, self.epoch, ids)
        targets = [(target, lengths)]
        rtd_labels = [self._rtd_labels(view) for view in views]
        inputs = [view.tokens for view in views]
        if self.mask_views:
            for i, (view, stream) in enumerate(zip(views, _VIEW_MASKING_STREAMS, strict=True)):
                inputs[i], target = self._mask(
                    view.tokens, view.lengths, ids, stream, view.labels == 0
                )
                targets.append((target, view.lengths))
                rtd_labels[i] = np.where(target == self.pad, rtd_labels[i], -1)

        rows = [(masked, lengths)]
        rows += [(tokens, view.lengths) for tokens, view in zip(inputs, views, strict=True)]
        if self.clean_original:
            rows.append((originals, lengths))
        width = max(int(n.max()) for _, n in rows)
        src_lengths = np.concatenate([n for _, n in rows])
        return {
            "id": torch.tensor(ids),
            "nsentences": len(ids),
            "ntokens": int(src_lengths.sum()),
            "net_input": {
                "src_tokens": _padded(rows, width, self.pad),
                "src_lengths": torch.from_numpy(src_lengths),
            },
            "mlm_target": _padded(targets, width, self.pad),
            "rtd_target": _padded(
                [(labels, view.lengths) for labels, view in zip(rtd_labels, views, strict=True)],
                width,
                -1,
            ),
            "has_contrast": torch.from_numpy(views[0].changed & views[1].changed),
            "view_tokens": {
                name: int((view.labels >= 0).sum())
                for name, view in zip(("synonym", "antonym"), views, strict=True)
            },
            "replaced_tokens": {
                f"{name}_view_{kind.name.lower()}": view.replaced_by_kind[kind]
                for name, view, kinds in zip(
                    ("synonym", "antonym"), views, self.rewriter.engine.kinds, strict=True
                )
                for kind in kinds
            },
        }

    def _require_known(self, tokens):
        size = len(self.rewriter.vocabulary.pieces)
        if tokens.min() < 0 or tokens.max() >= size:
            raise InputError(
                f"the corpus is damaged: it holds the token {tokens.max()}, and its dictionary has "
                f"{size:,} symbols; make the binarized files again"
            )

    def _rtd_labels(self, view):
        return np.where(view.content, view.labels, -1) if self.rtd_content_words else view.labels

    def _mask(self, tokens, lengths, ids, stream, allowed=None):
        """The masked tokens and the targets, flat."""
        generators = [np.random.default_rng((self.seed, self.epoch, i, stream)) for i in ids]
        units = np.arange(len(tokens))
        if self.mask_whole_words:
            starts, _ = self.rewriter.vocabulary.words(tokens, lengths)
            units = np.repeat(starts, np.diff(np.append(starts, len(tokens))))
        text = np.repeat(np.arange(len(ids)), lengths)
        masked, predicted = self.masking.apply(tokens, text, units, generators, allowed)
        return masked, np.where(predicted, tokens, self.pad)

    @property
    def sizes(self) -> np.ndarray:
        """Lengths of the blocks."""
        return self._sizes

    def num_tokens(self, index: int) -> int:
        """Tokens that a block takes in a batch: of all its rows, at their greatest lengths."""
        return int(self.num_tokens_vec(np.array([index]))[0])

    def num_tokens_vec(self, indices: np.ndarray) -> np.ndarray:
        """:meth:`num_tokens` of many blocks."""
        return self.num_rows * self.rewriter.longest_view(self._sizes[indices].astype(np.int64))

    def batch_by_size(self, indices, max_tokens=None, **kwargs):
        """Batches as fairseq makes them, and one of the blocks that it would drop.

        The last batch may have another number of blocks than ``--required-batch-size-multiple``
        asks for.

        Raises:
            InputError: if ``max_tokens`` has no room for the views of one block.
        """
        if not len(indices):
            return []
        if max_tokens is not None:
            longest = int(self.num_tokens_vec(np.asarray(indices)).max())
            if longest > max_tokens:
                raise InputError(
                    f"--max-tokens {max_tokens} has no room for the {self.num_rows} rows of one "
                    f"block, up to {longest} tokens: give at least as many, or a smaller "
                    "--tokens-per-sample"
                )
        batches = super().batch_by_size(indices, max_tokens=max_tokens, **kwargs)
        left_over = indices[sum(map(len, batches)) :]
        return [*batches, left_over] if len(left_over) else batches

    def filter_indices_by_size(self, indices, max_sizes):
        """Leave nothing out.

        The model has room for ``--tokens-per-sample``, and whether ``--max-tokens`` has room for
        the views of a block is up to :meth:`batch_by_size`. fairseq leaves out blocks that are
        longer than either, with ``--skip-invalid-size-inputs-valid-test`` and in training always.
        """
        return indices, []

    def size(self, index: int) -> int:
        """The length of a block; what ``--max-positions`` limits."""
        return int(self._sizes[index])

    def ordered_indices(self) -> np.ndarray:
        """Indices by length, at random among equals, anew in each epoch."""
        if not self.shuffle:
            return np.argsort(self._sizes, kind="stable")
        generator = np.random.default_rng((self.seed, self.epoch, 0, _ORDER_STREAM))
        order = generator.permutation(len(self))
        return order[np.argsort(self._sizes[order], kind="stable")]


def _padded(parts, width, pad):
    """Texts (tokens, lengths), one part below the other, as int64 (rows, width)."""
    lengths = np.concatenate([n for _, n in parts])
    out = np.full((len(lengths), width), pad, np.int64)
    out[np.arange(width) < lengths[:, None]] = np.concatenate([tokens for tokens, _ in parts])
    return torch.from_numpy(out)

"""The dataset of the CLINE task: turns blocks of tokens into batches with their views."""

from typing import Any

import numpy as np
import torch
from fairseq.data import FairseqDataset

from ..errors import InputError
from ..rewriting.blocks import BlockRewriter
from .masking import Masking

VIEWS = ("synonym", "antonym")
# Version of the order of blocks. Increase it when an epoch takes blocks in another order:
# checkpoints record it, and a resumed run warns when it has changed.
ORDER_VERSION = 2
# Each purpose has its own random numbers, by the last number of their seed. The rewriter seeds with
# (seed, epoch, index), which is the same to numpy as (seed, epoch, index, 0).
_MASKING_STREAM = 1
_ORDER_STREAM = 2
_VIEW_MASKING_STREAMS = (3, 4)  # synonym view, antonym view


class ClineDataset(FairseqDataset):
    """Rewrites and masks blocks, differently in each epoch.

    Random draws depend only on (seed, epoch, block index), so batches are identical for any number
    of workers and after a resume. The collater does the work, for all blocks of a batch at once.

    Args:
        blocks: dataset of token blocks that begin with ``<s>``.
        rewriter: makes the views.
        masking: masks the originals.
        pad: id of the padding token, which is also the target of tokens that are not predicted.
        seed: of masking and of the order of blocks; the rewriter has its own.
        mask_whole_words: mask all subwords of a word together.
        rtd_content_words: compute RTD targets only for words that could have been replaced.
        mask_views: mask the views too, at tokens that were not replaced.
        clean_original: add a row for each text, its original without masks.
        shuffle: shuffle blocks of equal length.
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
        self.num_rows = 4 if clean_original else 3  # rows per text
        self.epoch = 1
        self._sizes = blocks.sizes  # kept in its small dtype, since there may be many blocks

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        """False: workers kept from the previous epoch would not know the new one."""
        return False

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, on which views, masks and the order of blocks depend."""
        super().set_epoch(epoch)
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._sizes)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"id": int(index), "source": self.blocks[index]}

    def collater(self, samples: list[dict[str, Any]]) -> dict[str, Any]:
        """Make a batch of B blocks.

        Args:
            samples: what :meth:`__getitem__` returns for the blocks.

        Returns:
            A dictionary, which is empty if ``samples`` is. T is the length of the longest row.

            * ``id``: int64 (B,), indices of the blocks.
            * ``nsentences``: int, B.
            * ``ntokens``: int, tokens of all rows without padding.
            * ``net_input``: ``src_tokens`` int64 (3B, T), B masked originals, then B synonym views
              and B antonym views; with ``clean_original`` (4B, T), with B originals without masks
              at the end. ``src_lengths`` int64 (3B,) or (4B,).
            * ``mlm_target``: int64 (B, T), or (3B, T) with ``mask_views``, the original token
              where one is predicted, padding elsewhere.
            * ``rtd_target``: int64 (2B, T), 1 for a replaced token, 0 for an original one, and -1
              for special tokens, masked tokens and padding.
            * ``has_contrast``: bool (B,), texts with a replacement in both views, the one in the
              antonym view being one that changes the meaning.
            * ``view_tokens``: tokens by view (``synonym``), without special tokens.
            * ``replaced_tokens``: replaced tokens by view and kind (``synonym_view_hypernym``).
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
                name: int((view.labels >= 0).sum()) for name, view in zip(VIEWS, views, strict=True)
            },
            "replaced_tokens": {
                f"{name}_view_{kind.name.lower()}": view.replaced_by_kind[kind]
                for name, view, kinds in zip(VIEWS, views, self.rewriter.engine.kinds, strict=True)
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
        """Mask texts, one after the other: the masked tokens and the targets, int (N,) each."""
        generators = [np.random.default_rng((self.seed, self.epoch, i, stream)) for i in ids]
        units = np.arange(len(tokens))
        if self.mask_whole_words:
            starts, _ = self.rewriter.vocabulary.words(tokens, lengths)
            units = np.repeat(starts, np.diff(np.append(starts, len(tokens))))
        text_ids = np.repeat(np.arange(len(ids)), lengths)
        masked, predicted = self.masking.apply(tokens, text_ids, units, generators, allowed)
        return masked, np.where(predicted, tokens, self.pad)

    @property
    def sizes(self) -> np.ndarray:
        """Lengths of the blocks, in tokens."""
        return self._sizes

    def num_tokens(self, index: int) -> int:
        """Number of tokens that a block can take in a batch, in all its rows."""
        return int(self.num_tokens_vec(np.array([index]))[0])

    def num_tokens_vec(self, indices: np.ndarray) -> np.ndarray:
        """:meth:`num_tokens` for many blocks: int (N,)."""
        return self.num_rows * self.rewriter.longest_view(self._sizes[indices].astype(np.int64))

    def batch_by_size(
        self, indices: np.ndarray, max_tokens: int | None = None, **kwargs: Any
    ) -> list[Any]:
        """Batch blocks like fairseq, but without dropping any.

        The last batch contains the blocks that fairseq would drop, so their number may not be a
        multiple of ``--required-batch-size-multiple``.

        Args:
            indices: of the blocks, ordered.
            max_tokens: maximum number of tokens in a batch, as counted by :meth:`num_tokens`.
            **kwargs: see ``FairseqDataset.batch_by_size``.

        Returns:
            The indices of each batch.

        Raises:
            InputError: if the rows of one block can exceed ``max_tokens``.
        """
        if not len(indices):
            return []
        if max_tokens is not None:
            longest = int(self.num_tokens_vec(np.asarray(indices)).max())
            if longest > max_tokens:
                raise InputError(
                    f"--max-tokens {max_tokens} has no room for the {self.num_rows} rows of one "
                    f"block, up to {longest} tokens: increase it, or use a smaller "
                    "--tokens-per-sample"
                )
        batches = super().batch_by_size(indices, max_tokens=max_tokens, **kwargs)
        left_over = indices[sum(map(len, batches)) :]
        return [*batches, left_over] if len(left_over) else batches

    def filter_indices_by_size(
        self, indices: np.ndarray, max_sizes: Any
    ) -> tuple[np.ndarray, list[int]]:
        """Keep all blocks, unlike fairseq, which drops long ones in training.

        All blocks fit into ``--tokens-per-sample``, and :meth:`batch_by_size` reports those that do
        not fit into ``--max-tokens``.

        Args:
            indices: of the blocks.
            max_sizes: ignored.

        Returns:
            The indices, and an empty list of dropped ones.
        """
        return indices, []

    def size(self, index: int) -> int:
        """The length of a block, in tokens, which ``--max-positions`` limits."""
        return int(self._sizes[index])

    def ordered_indices(self) -> np.ndarray:
        """Sort blocks by length; those of equal length are shuffled differently in each epoch."""
        if not self.shuffle:
            return np.argsort(self._sizes, kind="stable")
        generator = np.random.default_rng((self.seed, self.epoch, 0, _ORDER_STREAM))
        order = generator.permutation(len(self))
        return order[np.argsort(self._sizes[order], kind="stable")]


def _padded(parts, width, pad):
    """Stack parts of (tokens, lengths) and pad their rows: int64 (rows, width)."""
    lengths = np.concatenate([n for _, n in parts])
    out = np.full((len(lengths), width), pad, np.int64)
    out[np.arange(width) < lengths[:, None]] = np.concatenate([tokens for tokens, _ in parts])
    return torch.from_numpy(out)

"""CLINE's criterion: a weighted sum of masked LM, replaced token detection and contrast."""

import logging
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from fairseq import utils
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.dataclass import ChoiceEnum, FairseqDataclass
from fairseq.logging import metrics
from fairseq.tasks import FairseqTask
from omegaconf import II
from torch import Tensor, nn

from ..errors import InputError
from .best_checkpoint import check_best_checkpoint_metric
from .contrast import NEGATIVES, contrastive_loss, contrastive_scores
from .losses import mlm_loss, rtd_loss
from .weighting import LEARNED

if TYPE_CHECKING:
    from ..models.cline import ClineModel

logger = logging.getLogger(__name__)

LOSSES = ("mlm", "rtd", "cts")
_TOO_FAR = 0.05  # a bounded s does not fall this far below 0 by overshoot alone
_BY_KIND = "replaced_in_"  # prefix of counts of replaced tokens, by view and kind


@dataclass
class ClineCriterionConfig(FairseqDataclass):
    """Options of the criterion."""

    loss_weighting: ChoiceEnum([*LEARNED, "fixed"]) = field(  # type: ignore[valid-type]
        default="bounded",
        metadata={
            "help": "what a loss L contributes in training, besides its fixed weight. bounded: "
            "exp(-s) L + max(s, 0) with a learned scalar s, so that exp(-s) is at most 1; kendall "
            "(called learned in version 0.1): exp(-s) L + s/2 (Kendall et al. 2018, as in the "
            "paper); fixed: L. Validation always uses the fixed weights alone"
        },
    )
    mlm_weight: float = field(
        default=1.0, metadata={"help": "weight of the masked-LM loss; 0 turns it off"}
    )
    rtd_weight: float = field(
        default=1.0,
        metadata={"help": "weight of the replaced-token-detection loss; 0 turns it off"},
    )
    contrastive_weight: float = field(
        default=1.0, metadata={"help": "weight of the contrastive loss; 0 turns it off"}
    )
    similarity: ChoiceEnum(["dot", "cosine"]) = field(  # type: ignore[valid-type]
        default="dot", metadata={"help": "similarity of two vectors in the contrastive loss"}
    )
    negatives: ChoiceEnum(NEGATIVES) = field(  # type: ignore[valid-type]
        default="antonym",
        metadata={
            "help": "what the contrastive loss tells a text apart from. antonym: its own antonym "
            "view; in_batch: the synonym views of all other texts of the batch, over all workers "
            "(in version 0.1, of one other text); both: all of these"
        },
    )
    temperature: float = field(
        default=1.0,
        metadata={"help": "divides similarities in the contrastive loss"},
    )
    best_checkpoint_metric: str = II("checkpoint.best_checkpoint_metric")
    maximize_best_checkpoint_metric: bool = II("checkpoint.maximize_best_checkpoint_metric")


@register_criterion("cline", dataclass=ClineCriterionConfig)
class ClineCriterion(FairseqCriterion):
    """The sum of CLINE's three losses, in which every text counts once.

    Each loss is averaged over the targets of a text and summed over the texts of the batch, and the
    sample size is the number of texts: however long a text is and however much of it is replaced,
    it counts once. Gradients are additive over texts, so that a batch gives the same update however
    it is split over workers and ``--update-freq``.

    In-batch negatives are the exception, because the loss of a text then depends on the others of
    its batch. They are gathered from all workers: a batch gives the same update however it is split
    over workers, but not over ``--update-freq``.

    In training mode, the loss is what is optimized, with its learned scalars. In evaluation mode,
    each loss has its fixed weight, so that validations during a run can be compared.

    Args:
        cfg: the options of the criterion.
        task: a task with a ``target_dictionary``.

    Raises:
        InputError: if a weight is negative, all weights are 0, or the temperature is not positive.
    """

    def __init__(self, cfg: ClineCriterionConfig, task: FairseqTask):
        super().__init__(task)
        self.weights = {
            "mlm": cfg.mlm_weight,
            "rtd": cfg.rtd_weight,
            "cts": cfg.contrastive_weight,
        }
        if min(self.weights.values()) < 0 or not any(self.weights.values()):
            raise InputError(
                "--mlm-weight, --rtd-weight and --contrastive-weight must be 0 or more, and one of "
                f"them more than 0, not {list(self.weights.values())}"
            )
        if cfg.temperature <= 0:
            raise InputError(f"--temperature must be more than 0, not {cfg.temperature}")
        self.similarity, self.temperature = cfg.similarity, cfg.temperature
        self.negatives, self.loss_weighting = str(cfg.negatives), str(cfg.loss_weighting)
        learned = self.weights if self.loss_weighting in LEARNED else {}
        self.log_variance = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(())) for name, weight in learned.items() if weight}
        )

    @classmethod
    def build_criterion(cls, cfg: ClineCriterionConfig, task: FairseqTask) -> "ClineCriterion":
        """Build the criterion, and check the metric by which fairseq chooses the best checkpoint.

        Args:
            cfg: the options of the criterion.
            task: a task with a ``target_dictionary``.

        Raises:
            InputError: if the metric is not logged, or if its worst value would be taken for its
                best, or if an option has no valid value.
        """
        with metrics.aggregate(new_root=True) as logged:
            cls.reduce_metrics([])
        check_best_checkpoint_metric(
            cfg.best_checkpoint_metric,
            cfg.maximize_best_checkpoint_metric,
            [name for name in logged if not name.startswith("_")],
        )
        return cls(cfg, task)

    def forward(
        self, model: "ClineModel", sample: dict[str, Any], reduce: bool = True
    ) -> tuple[Tensor, int, dict[str, Any]]:
        """Compute the loss of a batch of B texts.

        Args:
            model: a CLINE model.
            sample: a batch, as :class:`~cline_fairseq.data.cline_dataset.ClineDataset` makes it.
            reduce: ignored; the loss is always summed.

        Returns:
            * the loss, summed over the texts;
            * the sample size, B;
            * what :meth:`reduce_metrics` logs, as numbers that can be summed over batches and
              workers: for each of mlm, views_mlm, rtd and cts, the sum ``{name}_loss`` of the
              losses of texts, in nats, and the number ``{name}_count`` of targets (for mlm and rtd,
              tokens; for cts, texts); ``cts_right``; the counts of :func:`counting_counts` and of
              replaced tokens that were found; replaced tokens by view and kind; and
              ``{name}_scale``, the weights in effect, times B.
        """
        mlm_target, rtd_target = sample["mlm_target"], sample["rtd_target"]  # (B or 3B, T), (2B, T)
        texts = sample["nsentences"]
        output = model(
            **sample["net_input"],
            masked_tokens=mlm_target.ne(self.padding_idx),
            views=True,
            clean_original=len(sample["net_input"]["src_tokens"]) > 3 * texts,
        )
        # (1, B) for the originals, or (3, B) for the originals and both views.
        mlm_sums, mlm_counts = (
            x.view(-1, texts) for x in mlm_loss(output.mlm_logits, mlm_target, self.padding_idx)
        )
        rtd_sum, num_detected = rtd_loss(output.rtd_logits, rtd_target)  # (B,), (B,)
        scores = contrastive_scores(
            output.sentences,
            sample["has_contrast"],
            self.negatives,
            self.similarity,
            self.temperature,
            sample.get("is_dummy", False),
        )
        synonym_replaced = rtd_target.chunk(2)[0].eq(1).any(1)  # (B,)
        has_contrast = (synonym_replaced & scores.has_negative()).long()  # (B,)
        sums = {
            "mlm": mlm_sums.sum(0),
            "rtd": rtd_sum,
            "cts": contrastive_loss(scores) * has_contrast,
        }
        counts = {"mlm": mlm_counts.sum(0), "rtd": num_detected, "cts": has_contrast}

        loss = sum(
            self._weighted(k, sums[k] / counts[k].clamp(min=1), counts[k].gt(0)) for k in LOSSES
        ).sum()
        sample_size = texts
        # The loss on the originals is what can be compared; that on the views is logged separately.
        logged_sums = {**sums, "mlm": mlm_sums[0], "views_mlm": mlm_sums[1:]}
        logged_counts = {**counts, "mlm": mlm_counts[0], "views_mlm": mlm_counts[1:]}
        log = {
            "loss": loss.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": texts,
            "sample_size": sample_size,
            **{f"{k}_loss": x.detach().sum() for k, x in logged_sums.items()},
            **{f"{k}_count": x.sum() for k, x in logged_counts.items()},
            **counting_counts(sample),
            "cts_right": (scores.is_right() & has_contrast.bool()).sum(),
            **_detection_counts(output.rtd_logits.detach(), rtd_target),
            **{f"{view}_tokens": n for view, n in sample["view_tokens"].items()},
            **{f"{_BY_KIND}{k}": n for k, n in sample["replaced_tokens"].items()},
            # Times the sample size, so that the mean over workers is their common value.
            **{f"{k}_scale": self._scale(k) * sample_size for k in LOSSES},
        }
        return loss, sample_size, log

    def load_state_dict(
        self, state_dict: dict[str, Tensor] | None, strict: bool = True, **kwargs: Any
    ) -> Any:
        """Load the learned scalars.

        Args:
            state_dict: may have other scalars, or be None, if the checkpoint was trained with other
                losses: unknown ones are ignored, and missing ones keep their value.
            strict: as in torch.
            kwargs: as in torch.

        Returns:
            torch's report of missing and unexpected keys.
        """
        known = self.state_dict()
        found = {k: v for k, v in (state_dict or {}).items() if k in known}
        if self.loss_weighting == "bounded" and any(s < -_TOO_FAR for s in found.values()):
            logger.warning(
                "the checkpoint has learned weights above 1, so it was trained with "
                "--loss-weighting kendall: this run brings them down to 1; add "
                "--loss-weighting kendall to continue as before"
            )
        return super().load_state_dict({**known, **found}, strict, **kwargs)

    def _weighted(self, name, losses, present):
        """Weigh the losses (B,) of texts; a text without targets contributes 0.

        A loss that is turned off is multiplied by 0 and still reaches every parameter, because
        distributed training expects a gradient for each.
        """
        if self.training and name in self.log_variance:
            s = self.log_variance[name].float()
            losses = LEARNED[self.loss_weighting](losses, s) * present
        return self.weights[name] * losses

    def _scale(self, name):
        if name in self.log_variance:
            return self.weights[name] * torch.exp(-self.log_variance[name].detach().float())
        return self.weights[name]

    @staticmethod
    def reduce_metrics(logging_outputs: list[dict[str, Any]]) -> None:
        """Log means over all workers. Losses are in base 2, as everywhere in fairseq.

        Every metric is logged each time, so that the best checkpoint can be chosen by any of them.
        A mean over nothing is logged as 0, and does not count in means over several batches.

        Args:
            logging_outputs: what :meth:`forward` returned on each worker.
        """

        logging_outputs = [_as_numbers(log) for log in logging_outputs]

        def total(key):
            # In double precision, so that the order of the batches does not change what is logged.
            return sum(float(log.get(key, 0)) for log in logging_outputs)

        def log_mean(name, value, count, **kwargs):
            metrics.log_scalar(name, value / count if count else 0.0, count, **kwargs)

        texts = total("sample_size")
        log_mean("loss", total("loss") / math.log(2), texts, round=3)
        for name in (*LOSSES, "views_mlm"):
            bits = total(f"{name}_loss") / math.log(2)
            log_mean(f"{name}_loss", bits, total(f"{name}_count"), round=3)
        metrics.log_derived("ppl", lambda meters: utils.get_perplexity(meters["mlm_loss"].avg))

        tokens, hits = total("rtd_count"), total("rtd_hits")
        replaced, found = total("rtd_replaced"), total("rtd_found")
        log_mean("rtd_acc", tokens - (replaced + found - 2 * hits), tokens, round=4)
        for name, value in (("hits", hits), ("replaced", replaced), ("found", found)):
            metrics.log_scalar_sum(f"_rtd_{name}", value)
        metrics.log_derived("rtd_f1", _f1)
        log_mean("cts_acc", total("cts_right"), total("cts_count"), round=4)
        for rule in ("edits", "length"):
            log_mean(f"{rule}_acc", total(f"{rule}_right"), total("texts_with_contrast"), round=4)
        log_mean("no_contrast", texts - total("cts_count"), texts, round=4)
        for view in ("synonym", "antonym"):
            log_mean(f"{view}_share", total(f"{view}_replaced"), total(f"{view}_tokens"), round=4)
        for key in logging_outputs[0] if logging_outputs else ():
            if key.startswith(_BY_KIND):
                name = key.removeprefix(_BY_KIND)
                log_mean(name, total(key), total(f"{name.split('_')[0]}_tokens"), round=4)
        for name in LOSSES:
            log_mean(f"{name}_scale", total(f"{name}_scale"), texts, round=4)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        """Return True: everything that is logged is a sum."""
        return True


def _as_numbers(log):
    """The tensors of a logging output as numbers, which a GPU sends all at once."""
    names = [name for name, value in log.items() if torch.is_tensor(value)]
    values = torch.stack([log[name].double() for name in names]).tolist() if names else []
    return {**log, **dict(zip(names, values, strict=True))}


def _detection_counts(logits, target):
    """Count replaced tokens, and those that were found, over both views (2B, T)."""
    replaced, found = target.eq(1), logits.gt(0) & target.ge(0)
    in_synonym_view, in_antonym_view = replaced.chunk(2)
    return {
        "rtd_hits": (found & replaced).sum(),
        "rtd_found": found.sum(),
        "rtd_replaced": replaced.sum(),
        "synonym_replaced": in_synonym_view.sum(),
        "antonym_replaced": in_antonym_view.sum(),
    }


def counting_counts(sample: dict[str, Any]) -> dict[str, Tensor]:
    """Count the texts whose views can be told apart by counting tokens; a tie counts one half.

    Two rules are tried: the synonym view is the one with more replaced tokens ("edits"), and it is
    the longer one ("length"). If the contrastive task cannot be won by counting, each is right for
    half of the texts.

    Args:
        sample: a batch, as :class:`~cline_fairseq.data.cline_dataset.ClineDataset` makes it.

    Returns:
        ``edits_right``, ``length_right`` and ``texts_with_contrast``, the number of texts that were
        tried.
    """
    texts, has_contrast = sample["nsentences"], sample["has_contrast"]
    counts = {
        "edits": sample["rtd_target"].eq(1).sum(1),
        "length": sample["net_input"]["src_lengths"][texts : 3 * texts],
    }
    right = {}
    for rule, count in counts.items():
        synonym, antonym = count.chunk(2)
        wins = ((synonym - antonym).sign() + 1) / 2
        right[f"{rule}_right"] = (wins * has_contrast).sum()
    return {**right, "texts_with_contrast": has_contrast.sum()}


def _f1(meters):
    """F1 of the class "replaced", over everything since the meters were reset."""
    hits, replaced, found = (meters[f"_rtd_{k}"].sum for k in ("hits", "replaced", "found"))
    return round(float(2 * hits / max(replaced + found, 1)), 4)

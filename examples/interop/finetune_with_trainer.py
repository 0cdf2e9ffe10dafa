"""Fine-tune a classifier on GLUE with transformers' Trainer, to compare with glue_finetune.py.

    python examples/interop/finetune_with_trainer.py --model all-MiniLM-L6-v2 --task MRPC \\
        --glue-dir $GLUE_DIR --dest trainer/MRPC --seeds 1,2,3

It reads GLUE's published files, trains with the optimizer, schedule and dropout of
glue_finetune.py, and scores the best epoch on the dev set, as that does. Pairs are written as
fairseq's models read them, [CLS] a [SEP] [SEP] b [SEP] with token type 0 alone; --usual-pairs
writes them as BERT does. DEST/seedN.json has the settings and the metrics. A rerun skips finished
seeds, and is refused with other settings.
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

from cline_fairseq.atomic_io import make_folder, write_json
from cline_fairseq.errors import InputError, show_input_errors_plainly
from cline_fairseq.evaluation.glue.metrics import compute_metrics
from cline_fairseq.evaluation.glue.reading import Split, read_split
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS, GlueTask

LONGEST = 512  # tokens, for tokenizers that name no limit
WARMUP, WEIGHT_DECAY, DROPOUT = 0.06, 0.1, 0.1  # those of glue_finetune.py


def _parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="folder or name of a Hugging Face model")
    parser.add_argument("--task", required=True, choices=list(GLUE_TASKS), help="GLUE task")
    parser.add_argument(
        "--glue-dir", type=Path, required=True, help="folder with a folder for each task"
    )
    parser.add_argument("--dest", type=Path, required=True, help="folder to write to")
    parser.add_argument(
        "--seeds", default="1", help="random seeds, e.g. 1,2,3 (default: %(default)s)"
    )
    parser.add_argument(
        "--lr", type=float, default=1e-4, help="learning rate (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-size", type=int, default=16, help="texts per update (default: %(default)s)"
    )
    parser.add_argument(
        "--max-epoch", type=int, default=1, help="number of epochs (default: %(default)s)"
    )
    parser.add_argument(
        "--usual-pairs", action="store_true", help="pairs with two token types and one separator"
    )
    return parser.parse_args()


def encode(tokenizer, texts: list[tuple[str, ...]], usual: bool) -> list[dict[str, list[int]]]:
    """Encode texts or pairs of texts.

    Args:
        tokenizer: of transformers.
        texts: one text each, or a pair.
        usual: write pairs as the tokenizer does, rather than as fairseq.
    """
    limit = min(tokenizer.model_max_length, LONGEST)
    if usual:
        return [dict(tokenizer(*parts, truncation=True, max_length=limit)) for parts in texts]
    rows = []
    for parts in texts:
        ids = [tokenizer.cls_token_id]
        for i, part in enumerate(parts):
            ids += [tokenizer.sep_token_id] * (i > 0)
            ids += [*tokenizer(part, add_special_tokens=False)["input_ids"], tokenizer.sep_token_id]
        ids = ids[:limit]
        rows.append({"input_ids": ids, "attention_mask": [1] * len(ids)})  # all of type 0
    return rows


def examples(tokenizer, task: GlueTask, split: Split, usual: bool) -> list[dict]:
    """The examples of a split, with numbers as labels."""
    assert split.labels is not None
    rows = encode(tokenizer, split.texts, usual)
    for row, label in zip(rows, split.labels, strict=True):
        row["labels"] = float(label) if task.is_regression else task.labels.index(label)
    return rows


def train(args: argparse.Namespace, task: GlueTask, seed: int) -> dict:
    """Fine-tune with a seed, and score the best epoch."""
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    splits = {name: read_split(task, name, args.glue_dir) for name in ("train", "valid")}
    data = {
        name: examples(tokenizer, task, split, args.usual_pairs) for name, split in splits.items()
    }
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        args.model,
        num_labels=task.num_classes,
        hidden_dropout_prob=DROPOUT,
        attention_probs_dropout_prob=DROPOUT,
        classifier_dropout=0.0,  # as fairseq's --pooler-dropout
    )
    # fairseq decays all parameters, where the Trainer leaves out biases and layer norms.
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=args.lr, betas=(0.9, 0.98), eps=1e-6, weight_decay=WEIGHT_DECAY
    )

    def labels_of(logits: np.ndarray) -> np.ndarray:
        if task.is_regression:
            return np.clip(logits[:, 0], *task.score_range)
        return np.array(task.labels)[logits.argmax(1)]

    def accuracy(output) -> dict[str, float]:
        if task.is_regression:
            return {}
        return {"accuracy": float((output.predictions.argmax(1) == output.label_ids).mean())}

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model,
            TrainingArguments(
                folder,
                per_device_train_batch_size=args.batch_size,
                per_device_eval_batch_size=args.batch_size,
                num_train_epochs=args.max_epoch,
                learning_rate=args.lr,
                warmup_ratio=WARMUP,
                max_grad_norm=0.0,
                seed=seed,
                eval_strategy="epoch",
                save_strategy="epoch",
                save_total_limit=1,
                save_only_model=True,
                load_best_model_at_end=True,
                metric_for_best_model="loss" if task.is_regression else "accuracy",
                report_to=[],
                disable_tqdm=True,
                dataloader_pin_memory=False,
            ),
            train_dataset=data["train"],
            eval_dataset=data["valid"],
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=accuracy,
            optimizers=(optimizer, None),
        )
        start = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - start
        logits = trainer.predict(data["valid"]).predictions
    labels = splits["valid"].labels
    gold = [float(label) for label in labels] if task.is_regression else labels
    metrics = compute_metrics(task, gold, labels_of(logits))
    return {"seed": seed, "metrics": metrics, "seconds": round(seconds)}


def read_result(path: Path, settings: dict) -> dict:
    """Read the result of a finished seed.

    Raises:
        InputError: if it was trained with other settings.
    """
    result = json.loads(path.read_text(encoding="utf-8"))
    if result.get("settings") != settings:
        raise InputError(f"{path} is of a run with other settings: pass another --dest")
    return result


def main() -> None:
    """Run the program."""
    show_input_errors_plainly()
    args = _parse_args()
    task = GLUE_TASKS[args.task]
    make_folder(args.dest)
    names = ("task", "model", "lr", "batch_size", "max_epoch", "usual_pairs")
    settings = {name: getattr(args, name) for name in names}
    paths = {seed: args.dest / f"seed{seed}.json" for seed in map(int, args.seeds.split(","))}
    results = {s: read_result(path, settings) for s, path in paths.items() if path.is_file()}
    for seed in sorted(paths.keys() - results.keys()):
        results[seed] = {"settings": settings, **train(args, task, seed)}
        write_json(paths[seed], results[seed])
    for name in task.metrics:
        values = [result["metrics"][name] for result in results.values()]
        spread = f" (s = {statistics.stdev(values):.4f})" if len(values) > 1 else ""
        print(f"{task.name} {name}: {statistics.fmean(values):.4f}{spread}, {len(values)} seeds")


if __name__ == "__main__":
    main()

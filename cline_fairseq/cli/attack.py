"""Attack classifiers with TextAttack: change words until the prediction is wrong.

    cline-fairseq attack --recipe pwws --num-examples 200 \\
        --checkpoint cline=runs/cline/seed1/checkpoint_best.pt \\
        --checkpoint mlm=runs/mlm/seed1/checkpoint_best.pt \\
        --input reviews.tsv --text-column sentence --json attack.json --output attack.csv

The input is a TSV with a header, or JSON lines (.jsonl, .ndjson, .json). All checkpoints have the
same labels and are attacked with the same examples. Texts whose prediction is already wrong are not
attacked. Fractions have 95 % bootstrap intervals over the examples; "words changed" is the mean
fraction over successful attacks, "queries" the mean over all attacks. If attacks nearly always
succeed, --max-changed and --query-budget separate the models better.

In pairs (--text2-column), recipes change both texts, except for textfooler and alzantot, which do
not change the first.

pwws needs NLTK's stop words and WordNet (python -m nltk.downloader wordnet stopwords), textfooler
also TensorFlow, word vectors and a sentence encoder. All other recipes of TextAttack work by name
if they aim at any wrong prediction ("textattack list attack-recipes" lists them); what a recipe
lacks is TextAttack's own message. Nothing is downloaded without --download.
"""

import argparse
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from .. import evaluation
from ..atomic_io import write_json
from ..evaluation.attack.recipes import require_recipe
from ..evaluation.attack.results import Summary, attack_table, summarize, write_csv
from ..evaluation.attack.running import SUCCEEDED, Attacked, attack_examples, draw_examples
from ..evaluation.in_turn import load_in_turn
from ..evaluation.labelled_text import Columns, LabelledExample, read_examples, require_labels
from ..evaluation.truncation import count_truncated, truncation_sentence
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from .options import (
    add_bootstrap_options,
    add_checkpoints_options,
    add_examples_options,
    add_json_option,
    program_parser,
    require_files,
    require_ready,
)

if TYPE_CHECKING:
    from ..inference import Predictor  # imports torch, which takes seconds


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_checkpoints_options(parser, "a fine-tuned classifier", "folder with its binarized task")
    parser.add_argument(
        "--recipe",
        default="pwws",
        metavar="NAME",
        help="pwws, textfooler, or another recipe of TextAttack (default: %(default)s)",
    )
    parser.add_argument(
        "--input", type=Path, required=True, metavar="FILE", help="labelled texts to attack"
    )
    add_examples_options(parser)
    parser.add_argument(
        "--num-examples",
        type=int,
        metavar="N",
        help="number of examples to sample with --seed (default: all)",
    )
    parser.add_argument(
        "--query-budget",
        type=int,
        metavar="N",
        help="maximum number of queries for an example (default: no limit)",
    )
    parser.add_argument(
        "--max-changed",
        type=float,
        metavar="FRACTION",
        help="maximum fraction of a text's words to change, e.g. 0.1 (default: what the recipe "
        "allows)",
    )
    add_bootstrap_options(parser, also="the sample of examples, and the attacks")
    parser.add_argument(
        "--download", action="store_true", help="let TextAttack download what the recipe needs"
    )
    add_json_option(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write texts and predictions to this CSV file"
    )
    args = parser.parse_args(argv)
    if args.max_changed is not None and not 0 < args.max_changed <= 1:
        parser.error("--max-changed must be above 0 and at most 1")
    if args.seed < 0:
        parser.error("--seed must be at least 0")
    return args


def each_predictor(
    examples: Sequence[LabelledExample], args: argparse.Namespace
) -> "Iterator[tuple[str, Predictor]]":
    """Yield the classifiers one by one, with their names."""
    load, options = evaluation.Predictor.from_checkpoint, TokenizerFiles.of(args).given()
    loads = {name: partial(load, path, args.data, **options) for name, path in args.checkpoint}

    def check(name, predictor):
        require_labels(((e.where, e.label) for e in examples), predictor.labels, name)

    return load_in_turn(loads, check)


def attack(
    name: str,
    predictor: "Predictor",
    examples: Sequence[LabelledExample],
    args: argparse.Namespace,
) -> list[Attacked]:
    """Attack a classifier, with a progress bar that counts successes."""
    with tqdm(total=len(examples), unit=" texts", desc=name) as bar:
        succeeded = 0

        def show(attacked):
            nonlocal succeeded
            succeeded += attacked.result == SUCCEEDED
            bar.set_postfix(succeeded=succeeded, refresh=False)
            bar.update()

        options = (args.seed, args.query_budget, args.max_changed, args.download, show)
        return attack_examples(args.recipe, predictor, examples, *options)


def as_json(
    summaries: Mapping[str, Summary],
    truncation: Mapping[str, Mapping[str, int]],
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Collect all figures and the options that they depend on.

    Args:
        summaries: the figures of each checkpoint, keyed by name.
        truncation: what :func:`count_truncated` returns, keyed by name.
        args: the options of the program.
    """
    models = [
        {"name": name, "checkpoint": str(path), **summaries[name].as_dict(), **truncation[name]}
        for name, path in args.checkpoint
    ]
    options = ("recipe", "query_budget", "max_changed", "seed", "resamples")
    values = {name: getattr(args, name) for name in options}
    return {**values, "input": str(args.input), "checkpoints": models}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq and TextAttack log what they load
    args = _parse_args(argv)
    numbers = ("num_examples", "query_budget", "resamples")
    outputs = [args.json, args.output]
    require_ready(args.checkpoint, outputs, **{name: getattr(args, name) for name in numbers})
    require_files(args)
    columns = Columns(args.text_column, args.label_column, args.text2_column)
    examples = read_examples(args.input, columns, args.labels, args.quoting)
    examples = draw_examples(examples, args.num_examples, args.seed)
    require_recipe(args.recipe, args.download)
    attacked, summaries, truncation = {}, {}, {}
    for name, predictor in each_predictor(examples, args):
        truncation[name] = count_truncated(predictor, [example.text for example in examples])
        attacked[name] = attack(name, predictor, examples, args)
        summaries[name] = summarize(attacked[name], args.resamples, args.seed)
    print(printable(attack_table(summaries)), end="")
    for name, counts in truncation.items():
        if sentence := truncation_sentence(name, counts):
            print(f"\n{sentence}")
    if args.json:
        write_json(args.json, as_json(summaries, truncation, args))
    if args.output:
        write_csv(args.output, attacked)

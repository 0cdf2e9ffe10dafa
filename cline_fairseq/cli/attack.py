"""Attack classifiers with TextAttack: change words until the prediction is wrong.

    cline-fairseq attack --recipe pwws --num-examples 200 \\
        --checkpoint cline=runs/cline/seed1/checkpoint_best.pt \\
        --checkpoint mlm=runs/mlm/seed1/checkpoint_best.pt \\
        --input reviews.tsv --text-column sentence --json attack.json --output attack.csv

The input is a TSV with a header, or JSON lines (.jsonl, .ndjson, .json). Checkpoints
have the same labels, and are attacked with the same examples. Texts that are
predicted wrong already are not attacked. Shares have 95 % bootstrap intervals over the examples;
words changed is the mean share in attacks that succeeded, queries the mean over all attacks.
Where an attack succeeds always, --max-changed and --query-budget tell models apart.

In pairs (--text2-column) recipes change both texts, but for textfooler and alzantot, which leave
the first alone.

Recipes:
{recipes}

All need NLTK's stop words; deepwordbug and pruthi nothing else, pwws and leap NLTK's WordNet too
(python -m nltk.downloader wordnet stopwords). What another recipe needs is told where it is
missing. Nothing is fetched without --download.
"""

import logging
import textwrap
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from .. import evaluation
from ..atomic_io import write_json
from ..evaluation.attack.recipes import RECIPES, require_recipe
from ..evaluation.attack.results import as_markdown, summarize, write_csv
from ..evaluation.attack.running import (
    SUCCEEDED,
    attack_examples,
    draw_examples,
    require_labels,
)
from ..evaluation.in_turn import load_in_turn
from ..evaluation.labelled_text import Columns, read_examples
from ..evaluation.truncation import count_truncated, truncation_sentence
from ..runtime.terminal import printable
from ..tokenizer import TokenizerFiles
from .options import (
    add_checkpoints_options,
    add_examples_options,
    program_parser,
    require_files,
    require_ready,
)


def _parse_args(argv):
    recipes = textwrap.fill(
        ", ".join(RECIPES),
        95,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    parser = program_parser(__name__, __doc__.replace("{recipes}", recipes))
    add_checkpoints_options(parser, "a fine-tuned classifier", "folder of its binarized task")
    parser.add_argument("--recipe", default="pwws", metavar="NAME", help="pwws without")
    parser.add_argument("--input", type=Path, required=True, help="labelled texts")
    add_examples_options(parser)
    parser.add_argument("--num-examples", type=int, help="to draw with the seed; all without")
    parser.add_argument("--query-budget", type=int, help="most queries for an example")
    parser.add_argument(
        "--max-changed", type=float, metavar="SHARE", help="of the words of a text, as 0.1"
    )
    parser.add_argument("--seed", type=int, default=1, help="of examples, attacks and intervals")
    parser.add_argument("--resamples", type=int, default=10_000, help="of the bootstrap")
    parser.add_argument("--download", action="store_true", help="fetch what the recipe needs")
    parser.add_argument("--json", type=Path, help="write all numbers into this file")
    parser.add_argument("--output", type=Path, help="write texts and predictions into this CSV")
    args = parser.parse_args(argv)
    if args.max_changed is not None and not 0 < args.max_changed <= 1:
        parser.error("--max-changed must be above 0 and at most 1")
    if args.seed < 0:
        parser.error("--seed must be at least 0")
    return args


def each_predictor(examples, args):
    """The classifiers one by one, with their names."""
    load, options = evaluation.Predictor.from_checkpoint, TokenizerFiles.of(args).given()
    loads = {name: partial(load, path, args.data, **options) for name, path in args.checkpoint}
    return load_in_turn(loads, lambda name, predictor: require_labels(predictor, examples))


def attack(name, predictor, examples, args):
    """Attack a classifier, with a bar that counts successes."""
    with tqdm(total=len(examples), unit=" texts", desc=name) as bar:
        succeeded = 0

        def show(attacked):
            nonlocal succeeded
            succeeded += attacked.result == SUCCEEDED
            bar.set_postfix(succeeded=succeeded, refresh=False)
            bar.update()

        options = (args.seed, args.query_budget, args.max_changed, args.download, show)
        return attack_examples(args.recipe, predictor, examples, *options)


def as_json(summaries, cut, args) -> dict:
    """All numbers, and how they came about."""
    models = [
        {"name": name, "checkpoint": str(path), **summaries[name].as_dict(), **cut[name]}
        for name, path in args.checkpoint
    ]
    options = ("recipe", "query_budget", "max_changed", "seed", "resamples")
    values = {name: getattr(args, name) for name in options}
    return {**values, "input": str(args.input), "checkpoints": models}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # of fairseq and TextAttack, which tell what they load
    args = _parse_args(argv)
    numbers = ("num_examples", "query_budget", "resamples")
    outputs = [args.json, args.output]
    require_ready(args.checkpoint, outputs, **{name: getattr(args, name) for name in numbers})
    require_files(args)
    require_recipe(args.recipe, args.download)
    columns = Columns(args.text_column, args.label_column, args.text2_column)
    examples = read_examples(args.input, columns, args.labels, args.quoting)
    examples = draw_examples(examples, args.num_examples, args.seed)
    attacked, summaries, cut = {}, {}, {}
    for name, predictor in each_predictor(examples, args):
        cut[name] = count_truncated(predictor, [example.text for example in examples])
        attacked[name] = attack(name, predictor, examples, args)
        summaries[name] = summarize(attacked[name], args.resamples, args.seed)
    print(printable(as_markdown(summaries)), end="")
    for name, counts in cut.items():
        if sentence := truncation_sentence(name, counts):
            print(f"\n{sentence}")
    if args.json:
        write_json(args.json, as_json(summaries, cut, args))
    if args.output:
        write_csv(args.output, attacked)

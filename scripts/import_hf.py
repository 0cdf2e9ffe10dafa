#!/usr/bin/env python3
"""Import a RoBERTa of Hugging Face: a checkpoint, a dictionary and a tokenizer for fairseq.

    python scripts/import_hf.py --model roberta-base --dest roberta-base
    python scripts/import_hf.py --model folder/of/a/model --dest my-roberta

--model is a folder, or a name on Hugging Face's hub, which is then fetched. The tokenizer is a
byte-level BPE as GPT-2's, or SentencePiece as XLM-R's. Encode a corpus with it, and train from it:

    python scripts/encode.py --bpe gpt2 --gpt2-encoder-json roberta-base/encoder.json \\
        --gpt2-vocab-bpe roberta-base/vocab.bpe --dict roberta-base/dict.txt --input train.txt \\
        --binarize --dest data-bin --split train
    fairseq-train data-bin --user-dir cline_fairseq --task cline --criterion cline \\
        --arch cline_base --finetune-from-model roberta-base/model.pt --save-dir checkpoints ...
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
from pathlib import Path

from cline_fairseq.atomic_io import require_new_folder
from cline_fairseq.convert.layout import tokenizer_options
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.runtime.terminal import printable


def main():
    show_input_errors_plainly()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", required=True, help="a folder, or a name on the hub")
    parser.add_argument("--dest", type=Path, required=True, help="folder to make")
    args = parser.parse_args()
    require_new_folder(args.dest)
    from cline_fairseq.convert.import_hf import import_hf, model_folder  # takes seconds

    imported = import_hf(model_folder(args.model), args.dest)
    for note in imported.notes:
        print(printable(f"note: {note}"))
    print(
        f"{args.dest}: {imported.num_layers} layers, {imported.dim} wide, "
        f"{imported.num_symbols:,} symbols; --finetune-from-model {args.dest / 'model.pt'} "
        f"{tokenizer_options(imported.bpe, args.dest)}"
    )


if __name__ == "__main__":
    main()

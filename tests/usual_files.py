"""IMDb, MR, SNLI and AG News, a few examples each, in the files in which they are published."""

import json


def write_imdb(folder, texts):
    """A text in each file, with HTML's line breaks; beside the labels, unlabelled texts."""
    for split, labels in (("train", ("pos", "neg", "unsup")), ("test", ("pos", "neg"))):
        for i, label in enumerate(labels):
            (folder / split / label).mkdir(parents=True)
            for number in range(10):
                text = f"A {label} film.<br /><br />{texts[number]}"
                path = folder / split / label / f"{number}_{(9, 2, 0)[i]}.txt"
                path.write_text(text, encoding="utf-8")
        (folder / split / "labeledBow.feat").write_text("9 0:9 1:1\n")
        (folder / split / "urls_pos.txt").write_text("http://www.imdb.com/title/tt0453418\n")


def write_mr(folder, texts):
    """A file for each label in Latin-1, with a text in each line."""
    folder.mkdir()
    for label in ("pos", "neg"):
        lines = [f"a {label} f\xefl\xecm . {i}" for i in range(len(texts[:20]))]
        path = folder / f"rt-polarity.{label}"
        path.write_bytes("".join(f"{line} \n" for line in lines).encode("latin-1"))


def write_snli(folder, texts):
    """JSON lines; a hyphen is the label on which annotators did not agree."""
    folder.mkdir()
    for split in ("train", "dev", "test"):
        rows = [
            {
                "annotator_labels": ["neutral"],
                "captionID": f"{i}.jpg#4",
                "gold_label": ("neutral", "entailment", "contradiction", "-")[i % 4],
                "pairID": f"{i}.jpg#4r1n",
                "sentence1": text,
                "sentence2": "A person is outdoors, on a horse.",
            }
            for i, text in enumerate(texts[:16])
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"snli_1.0_{split}.jsonl").write_text(lines, encoding="utf-8")


def write_ag_news(folder, texts):
    """CSV without a header, all fields quoted."""
    folder.mkdir()
    for split in ("train", "test"):
        rows = [
            (str(i % 4 + 1), f'Wall St. ""Bears"" {i}', text.replace('"', '""'))
            for i, text in enumerate(texts[:40])
        ]
        lines = [",".join(f'"{value}"' for value in row) for row in rows]
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

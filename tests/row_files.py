"""Files of rows with texts, in all formats that a corpus may have."""

import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.parquet
import zstandard

COMPRESS = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, 1),
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}


def write_rows(path, texts, field="text", kind=None):
    """Write texts in the format that the name says, beside a column of numbers."""
    if ".jsonl" in path.suffixes:
        lines = [json.dumps({"id": i, field: text}) for i, text in enumerate(texts)]
        data = "".join(f"{line}\n" for line in lines).encode()
        path.write_bytes(COMPRESS[path.suffix if path.suffix in COMPRESS else ""](data))
        return path
    table = pa.table({"id": range(len(texts)), field: pa.array(texts, kind or pa.string())})
    if path.suffix == ".parquet":
        pa.parquet.write_table(table, path, row_group_size=100)
        return path
    is_file = ".file" in path.suffixes
    writer = (pa.ipc.new_file if is_file else pa.ipc.new_stream)(str(path), table.schema)
    with writer:
        writer.write_table(table, max_chunksize=70)
    return path

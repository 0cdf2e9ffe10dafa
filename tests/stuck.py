"""Programs, as text, for tests of how programs end: how each begins, and one that never does."""

START = """
import sys, time
from pathlib import Path
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.atomic_io import atomic_write
show_input_errors_plainly()
"""
STUCK = """
with atomic_write(Path(sys.argv[1])) as part:
    part.write_text("half")
    while True:
        try:
            print("ready", flush=True)
            time.sleep(60)
        except BaseException:
            pass
"""

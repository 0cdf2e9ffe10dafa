"""``python -m cline_fairseq.cli COMMAND``, the same as ``cline-fairseq COMMAND``."""

from .main import main

if __name__ == "__main__":  # not in worker processes
    main()

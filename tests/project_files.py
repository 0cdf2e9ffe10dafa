"""The files of the project, in a checkout or in an unpacked sdist."""

import subprocess
from fnmatch import fnmatch
from pathlib import Path

from programs import ROOT

# Folders that an sdist may also hold after it was used: anywhere, and at its root.
_MADE = (".*", "__pycache__", "*.egg-info")
_MADE_AT_ROOT = ("build", "dist", "site", "quickstart*", "outputs", "multirun")


def project_files(*patterns: str) -> list[Path]:
    """Files whose path in the project matches a pattern (``*`` also matches slashes).

    In a checkout these are the tracked files; deleted ones are left out.
    """
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "--", *patterns]
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        names = result.stdout.splitlines()
    else:
        names = sorted(_walk(ROOT, ""))
        if patterns:
            names = [name for name in names if any(fnmatch(name, p) for p in patterns)]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def _walk(folder, prefix):
    for path in folder.iterdir():
        if path.is_dir():
            made = _MADE if prefix else (*_MADE, *_MADE_AT_ROOT)
            if not any(fnmatch(path.name, pattern) for pattern in made):
                yield from _walk(path, f"{prefix}{path.name}/")
        else:
            yield f"{prefix}{path.name}"

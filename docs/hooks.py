"""What mkdocs cannot do by itself: pages from outside docs/, and the reference of the package.

READMEs stay where readers of the repository look for them. Here they become pages of the site, with
their links rewritten; a link to a missing file ends the build.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cline_fairseq"
# Pages outside docs/: where they are in the repository, and in the site.
OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "cline_fairseq/rewriting/README.md": "rewriter.md",
    **{
        f"examples/{name}/README.md": f"examples/{name}.md"
        for name in ("quickstart", "pretraining", "glue", "robustness", "interop")
    },
}
PAGE_OF = {page: source for source, page in OUTSIDE.items()}
_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)#\s]+)")
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.DOTALL | re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages of the reference to the navigation."""
    pages = [{name: page} for name, page, _ in _reference()]
    config.nav = [*config.nav, {"Reference": pages}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages outside docs/, the reference, and whatever files the pages link to."""
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for name, page, modules in _reference():
        content = [f"# {name}", *(f"::: {module}" for module in modules)]
        files.append(File.generated(config, page, content="\n\n".join(content) + "\n"))
    for file in list(files.documentation_pages()):
        for target in _LINK.findall(_CODE.sub("", file.content_string)):
            path = _resolved(file.src_uri, target)
            if _page(path) not in files.src_uris:
                files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_) -> str:
    """Rewrite links from places in the repository to places in the site."""
    here = posixpath.dirname(page.file.src_uri)

    def rewritten(match):
        return posixpath.relpath(_page(_resolved(page.file.src_uri, match[0])), here or ".")

    parts = _CODE.split(markdown)
    parts[::2] = [_LINK.sub(rewritten, part) for part in parts[::2]]
    return "".join(parts)


def _resolved(page, target):
    """The place in the repository that a link of a page leads to."""
    source = PAGE_OF.get(page, f"docs/{page}")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if not (ROOT / path).exists():
        raise PluginError(f"{source} links to {target}, which does not exist")
    if (ROOT / path).is_dir():
        raise PluginError(f"{source} links to the folder {target}: link to a file")
    return path


def _page(path):
    """The place in the site of a file in the repository."""
    return OUTSIDE.get(path, path.removeprefix("docs/"))


def _reference():
    """Pages of the reference: (title, page, its modules)."""
    for folder in (PACKAGE, *sorted(p for p in PACKAGE.iterdir() if (p / "__init__.py").is_file())):
        if folder.name == "cli":
            continue  # programs; their --help describes them
        files = sorted(folder.glob("*.py") if folder == PACKAGE else folder.rglob("*.py"))
        modules = [
            ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for file in files
        ]
        name = ".".join(folder.relative_to(ROOT).parts)
        yield name, f"reference/{folder.name}.md", modules

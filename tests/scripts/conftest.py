"""The makers' tools, which are imported from scripts/ as their programs import them."""

import pytest

from programs import ROOT


@pytest.fixture(scope="package", autouse=True)
def scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        yield

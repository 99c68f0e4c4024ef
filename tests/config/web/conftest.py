"""The real web server."""

from collections.abc import Iterator

import pytest

from tests.config.web.running import Site, running_site


@pytest.fixture(scope="module")
def site(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield one web server for all tests of a file."""
    with running_site(tmp_path_factory.mktemp("web")) as running:
        yield running

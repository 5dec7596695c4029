"""The cluster that the tests on it share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.workers.cluster import Cluster, cluster


@pytest.fixture(scope="session")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler for all tests; each says how many workers it is to have."""
    with cluster(tmp_path_factory.mktemp("dask")) as made:
        yield made

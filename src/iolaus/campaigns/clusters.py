"""clusters: links to groups of accounts that may have one operator.

Connected components first; a large component is then divided where its parts hardly touch
(Louvain at a low resolution: two parts stay together unless the links between them are fewer than
RESOLUTION of what chance would put there), and its pieces again. Source: Blondel et al. 2008;
Reichardt and Bornholdt 2006 for the resolution.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from sknetwork.clustering import Louvain

from iolaus.campaigns.links import Links

MIN_ACCOUNTS = 5  # a smaller group gives the tests on groups nothing to stand on
RESOLUTION = 0.2
# Links to another part for each link inside the smaller of the two: above it they are one. Pieces
# of one operator had 0.1 to 0.3 on development worlds, strangers that touch him 0.01.
TOUCHING = 0.08
LABELS_ALONE = {"return_probs": False, "return_aggregate": False}  # for Louvain
DIVIDE_ABOVE = 20  # a component up to this size is one group


@dataclass(frozen=True)
class Cluster:
    """`members`: sorted account keys. `proposed_by`: what family of evidence brought them up."""

    members: NDArray[np.int64]
    proposed_by: str

    @property
    def size(self) -> int:
        return int(self.members.size)


def cluster(links: Links, accounts: int, seed: int) -> list[Cluster]:
    """Groups of at least MIN_ACCOUNTS linked accounts, largest first."""
    graph = link_graph(links, accounts)
    _, label = connected_components(graph, directed=False)
    large = np.flatnonzero(np.bincount(label)[label] >= MIN_ACCOUNTS)  # most stand alone
    order = large[np.argsort(label[large], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(label[order])) + 1)
    groups = [
        piece
        for part in parts
        for piece in separated(graph, part.astype(np.int64), seed)
        if piece.size >= MIN_ACCOUNTS
    ]
    groups.sort(key=lambda members: (-members.size, int(members[0])))
    return [Cluster(members, "links") for members in groups]


def link_graph(links: Links, accounts: int) -> sp.csr_array:
    """Symmetric accounts x accounts matrix of bits."""
    rows, cols = np.concatenate([links.a, links.b]), np.concatenate([links.b, links.a])
    bits = np.concatenate([links.bits, links.bits])
    return sp.csr_array((bits, (rows, cols)), shape=(accounts, accounts))


def separated(graph: sp.csr_array, part: NDArray[np.int64], seed: int) -> list[NDArray[np.int64]]:
    """A component's accounts (`part`, sorted), in one group or in several that hardly touch."""
    if part.size <= DIVIDE_ABOVE:
        return [part]
    inside = _inside(graph, part)
    louvain = Louvain(resolution=RESOLUTION, random_state=seed, **LABELS_ALONE)
    label = louvain.fit_predict(inside)
    label = _rejoined(inside, label)
    names = np.unique(label)
    if names.size == 1:
        return [part]
    # Chance is counted over the links of the part in hand, so that what a large component's many
    # links hid is seen in its pieces.
    return [piece for name in names for piece in separated(graph, part[label == name], seed)]


def _inside(graph: sp.csr_array, part: NDArray[np.int64]) -> sp.csr_matrix:
    """The links among the accounts of `part` alone; costs their links, not the log's accounts."""
    rows = graph[part]
    place = np.minimum(np.searchsorted(part, rows.indices), part.size - 1)
    both = part[place] == rows.indices
    first = np.repeat(np.arange(part.size), np.diff(rows.indptr))
    ends = (first[both], place[both])
    return sp.csr_matrix((rows.data[both], ends), shape=(part.size, part.size))


def _rejoined(graph: sp.csr_matrix, label: NDArray[np.int64]) -> NDArray[np.int64]:
    """Louvain's labels after parts that touch in many places were put together again."""
    count = int(label.max()) + 1
    part = sp.csr_array(
        (np.ones(label.size), (label, np.arange(label.size))), shape=(count, label.size)
    )
    links = (part @ (graph > 0).astype(np.float64) @ part.T).toarray()
    inside = np.diag(links) / 2
    smaller = np.minimum.outer(inside, inside)
    touch = links > TOUCHING * np.maximum(smaller, 1.0)
    np.fill_diagonal(touch, False)
    _, together = connected_components(sp.csr_array(touch), directed=False)
    return np.asarray(together[label], dtype=np.int64)

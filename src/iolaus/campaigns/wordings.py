"""wordings: accounts divided into communities by what they write, and by what they ask about.

An account is tied to the wordings that it holds, a rare wording more strongly than a common one,
and accounts and wordings are divided together where the ties are few (Louvain on the bipartite
graph). So the templates of one operator come together although no account uses all of them, and a
popular phrase, which belongs to nobody, ends up where most of its holders are.

Source: Barber, "Modularity and community detection in bipartite networks", 2007; Blondel et al.
2008.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sknetwork.clustering import Louvain

from iolaus.campaigns.clusters import LABELS_ALONE, MIN_ACCOUNTS
from iolaus.campaigns.content import Content
from iolaus.campaigns.token_matrix import TokenMatrix

LEAST_HOLDERS = 4  # a wording of fewer accounts ties next to nobody
MOST_SHARE = 0.3  # of all accounts: a wording that everybody has divides nobody
# Resolutions of Louvain. FINE parts small groups from a large log's crowd and cuts large campaigns
# into pieces; COARSE keeps a campaign of any size whole, and drowns small ones in the crowd.
FINE, COARSE = 4.0, 1.0

NEIGHBOURS = 40  # by content, of each account; a tie is one that both count among their nearest
LEAST_PROMPTS = 4  # fewer say too little about what an account asks
MOST_ACCOUNTS = 60_000  # 6e4 squared * 128 multiplications: some minutes on two cores
CHUNK = 512
AS_LIKELY = 0.0  # bits: who asks about what a community asks about is as likely in it as not

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Division:
    """`number` per account, the same for accounts of one community, -1 for none. `family`: of the
    evidence that divides. `stay`: bits that keep an account in a community, None for the usual."""

    number: Ints
    family: str
    stay: float | None

    def communities(self) -> list[Ints]:
        """The accounts of each community of MIN_ACCOUNTS or more, in the order of their numbers."""
        order = np.argsort(self.number, kind="stable")
        starts = np.flatnonzero(np.diff(self.number[order], prepend=-2))
        parts = np.split(order, starts[1:])
        return [p for p in parts if p.size >= MIN_ACCOUNTS and self.number[p[0]] >= 0]

    def of(self, members: Ints, share: float) -> int:
        """The community that holds most of the members; -1 where none holds `share` of them."""
        names, counts = np.unique(self.number[members], return_counts=True)
        best = int(counts.argmax())
        return int(names[best]) if counts[best] >= share * members.size else -1


def divisions(tokens: TokenMatrix, content: Content, seed: int) -> tuple[Division, ...]:
    """By wording, fine and coarse, and by content."""
    return (
        Division(communities(tokens, seed, FINE), "wording", None),
        Division(communities(tokens, seed, COARSE), "wording", None),
        Division(content_communities(content, seed), "content", AS_LIKELY),
    )


def communities(tokens: TokenMatrix, seed: int, resolution: float) -> Ints:
    """A number per account, the same for accounts of one community; -1 where an account holds no
    wording that others hold."""
    wording = tokens.of_family("wording")
    accounts = wording.held.shape[0]
    useful = (wording.holders >= LEAST_HOLDERS) & (wording.holders <= MOST_SHARE * accounts)
    ties = wording.columns(useful).held
    number = np.full(accounts, -1, dtype=np.int64)
    if ties.nnz == 0:
        return number
    rarity = np.log2(accounts / wording.holders[useful])
    ties = sp.csr_matrix(ties @ sp.diags_array(rarity))
    louvain = Louvain(resolution=resolution, random_state=seed, **LABELS_ALONE)
    parts = louvain.fit(ties, force_bipartite=True)
    tied = np.diff(ties.indptr) > 0
    number[tied] = np.asarray(parts.labels_row_)[tied]
    return number


def undivided(content: Content) -> str | None:
    """Why accounts are not divided by content; None where they are."""
    told = int((content.counts >= LEAST_PROMPTS).sum())
    if told > MOST_ACCOUNTS:
        return f"{told:,} accounts are more than the {MOST_ACCOUNTS:,} that it compares"
    if told <= NEIGHBOURS:
        return f"{told:,} accounts have {LEAST_PROMPTS} prompts with content; it needs more"
    return None


def content_communities(content: Content, seed: int) -> Ints:
    """A number per account, the same for accounts that ask about the same things (Louvain on mutual
    nearest neighbours); -1 for too few prompts, and for all where they are `undivided`."""
    number = np.full(content.counts.size, -1, dtype=np.int64)
    if undivided(content) is not None:
        return number
    told = np.flatnonzero(content.counts >= LEAST_PROMPTS)
    directions = content.directions(told)
    rows, columns, weights = [], [], []
    for start in range(0, told.size, CHUNK):
        alike = directions[start : start + CHUNK] @ directions.T
        mine = np.arange(alike.shape[0])
        alike[mine, start + mine] = -1.0
        near = np.argpartition(-alike, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        rows.append(np.repeat(start + mine, NEIGHBOURS))
        columns.append(near.ravel())
        weights.append(np.maximum(np.take_along_axis(alike, near, axis=1).ravel(), 0.0))
    ties = sp.csr_matrix(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))),
        shape=(told.size, told.size),
    )
    louvain = Louvain(random_state=seed, **LABELS_ALONE)
    number[told] = louvain.fit_predict(sp.csr_matrix(ties.minimum(ties.T)))
    return number

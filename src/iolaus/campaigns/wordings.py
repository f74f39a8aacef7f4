"""wordings: accounts divided by what they write.

An account is tied to the wordings that it holds, a rare wording more strongly than a common one,
and accounts and wordings are divided together where the ties are few (Louvain on the bipartite
graph). So the templates of one operator come together although no account uses all of them, and a
popular phrase, which belongs to nobody, ends up where most of its holders are.

Source: Barber, "Modularity and community detection in bipartite networks", 2007; Blondel et al.
2008.
"""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sknetwork.clustering import Louvain

from iolaus.campaigns.token_matrix import TokenMatrix

LEAST_HOLDERS = 4  # a wording of fewer accounts ties next to nobody
MOST_SHARE = 0.3  # of all accounts: a wording that everybody has divides nobody
# Resolutions of Louvain. FINE parts small groups from a large log's crowd and cuts large campaigns
# into pieces; COARSE keeps a campaign of any size whole, and drowns small ones in the crowd.
FINE, COARSE = 4.0, 1.0

Ints = NDArray[np.int64]


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
    parts = Louvain(resolution=resolution, random_state=seed).fit(ties, force_bipartite=True)
    tied = np.diff(ties.indptr) > 0
    number[tied] = np.asarray(parts.labels_row_)[tied]
    return number

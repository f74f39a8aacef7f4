"""Who openly belongs together: declared organisations, and firms that show by their mail domain."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

SEVERAL = 3  # accounts of a firm
FIRM_COUNTRIES = 0.25  # of a mail domain's accounts: more countries are no firm's, whatever it says
PUBLIC_SHARE, PUBLIC_LEAST = 0.01, 20  # of all accounts, and so many: the mail domain is public


@dataclass(frozen=True)
class Customers:
    """`of`: customers x accounts, 1 where the account is the customer's. A declared organisation is
    one customer, any other account one too. `firm`: accounts that openly belong to a firm of
    SEVERAL accounts or more, by a declared organisation or a mail domain of its own."""

    of: sp.csr_array
    firm: NDArray[np.bool_]

    def each_alone(self) -> "Customers":
        """As if nobody had declared anything."""
        accounts = self.firm.size
        eye = sp.eye_array(accounts, dtype=np.float32, format="csr")
        return Customers(eye, np.zeros(accounts, dtype=bool))


def customers(claims: dict[str, NDArray[np.object_]]) -> Customers:
    """From what accounts claim: organization_id, email_domain, billing_country."""
    organizations = claims["organization_id"]
    own = [f"\0{i}" if name is None else str(name) for i, name in enumerate(organizations)]
    number = np.unique(np.asarray(own, dtype=object), return_inverse=True)[1]
    ones = np.ones(number.size, dtype=np.float32)
    shape = (int(number.max(initial=-1)) + 1, number.size)
    of = sp.csr_array((ones, (number, np.arange(number.size))), shape=shape)
    declared = np.bincount(number)[number] >= SEVERAL if number.size else np.zeros(0, dtype=bool)
    return Customers(of, declared | _firms(claims["email_domain"], claims["billing_country"]))


def open_names(claims: dict[str, NDArray[np.object_]]) -> NDArray[np.object_]:
    """Per account the organisation that it declares, or its firm's mail domain; None without."""
    domains, declared = claims["email_domain"], claims["organization_id"]
    firm = _firms(domains, claims["billing_country"])
    names = [d if d is not None else m if f else None
             for d, m, f in zip(declared, domains, firm, strict=True)]  # fmt: skip
    return np.asarray(names, dtype=object)


def _firms(domains: NDArray[np.object_], countries: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Accounts with mail at a domain that is not public and whose accounts claim few countries: a
    firm that declared nothing."""
    firm = np.zeros(domains.size, dtype=bool)
    known = np.flatnonzero([name is not None for name in domains])
    _, number, count = np.unique(
        domains[known].astype(str), return_inverse=True, return_counts=True
    )
    public = max(PUBLIC_LEAST, PUBLIC_SHARE * domains.size)
    for name in np.flatnonzero((count >= SEVERAL) & (count <= public)):
        theirs = known[number == name]
        claimed = np.asarray([c for c in countries[theirs] if c is not None], dtype=str)
        firm[theirs] = np.unique(claimed).size <= max(1.0, FIRM_COUNTRIES * theirs.size)
    return firm

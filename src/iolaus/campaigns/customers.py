"""Who openly belongs together: declared organisations, and firms that show by their mail domain."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from iolaus.campaigns.behaviour import Strings, numbered

SEVERAL = 3  # accounts of a firm
FIRM_COUNTRIES = 0.25  # of a mail domain's accounts: more countries are no firm's, whatever it says
FIRM_HOME = 1 / 3  # of its accounts claim one country; hundreds at a throw-away domain claim forty
PUBLIC_SHARE, PUBLIC_LEAST = 0.01, 20  # of all accounts, and so many: the mail domain is public

Claims = dict[str, Strings]
Ints = NDArray[np.int64]


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


def customers(claims: Claims) -> Customers:
    """From what accounts claim: organization_id, email_domain, billing_country."""
    declared = numbered(claims["organization_id"])
    own = declared.max(initial=-1) + 1 + np.arange(declared.size)  # who declares none is one alone
    number = np.unique(np.where(declared >= 0, declared, own), return_inverse=True)[1]
    ones = np.ones(number.size, dtype=np.float32)
    shape = (int(number.max(initial=-1)) + 1, number.size)
    of = sp.csr_array((ones, (number, np.arange(number.size))), shape=shape)
    several = np.bincount(number)[number] >= SEVERAL if number.size else np.zeros(0, dtype=bool)
    return Customers(of, several | _firms(claims))


def open_names(claims: Claims) -> Strings:
    """Per account the organisation that it declares, or its firm's mail domain; None without."""
    domains, declared = claims["email_domain"], claims["organization_id"]
    firm = _firms(claims)
    names = [d if d is not None else m if f else None
             for d, m, f in zip(declared, domains, firm, strict=True)]  # fmt: skip
    return np.asarray(names, dtype=object)


def own_domains(claims: Claims) -> Ints:
    """A number per account, the same for mail at the same domain; -1 for a public one or none."""
    number = numbered(claims["email_domain"])
    public = max(PUBLIC_LEAST, PUBLIC_SHARE * number.size)
    size = np.bincount(number[number >= 0], minlength=int(number.max(initial=-1)) + 1)
    return np.where((number >= 0) & (np.append(size, 0)[number] <= public), number, -1)


def _firms(claims: Claims) -> NDArray[np.bool_]:
    """Accounts with mail at a domain that is not public and whose accounts claim few countries, one
    of them often: a firm that declared nothing."""
    domain, country = own_domains(claims), numbered(claims["billing_country"])
    names = int(domain.max(initial=-1)) + 1
    size = np.bincount(domain[domain >= 0], minlength=names)
    both = (domain >= 0) & (country >= 0)
    pairs, claiming = np.unique(
        np.column_stack([domain[both], country[both]]), axis=0, return_counts=True
    )
    countries = np.bincount(pairs[:, 0], minlength=names)
    home, known = np.zeros(names), np.bincount(domain[both], minlength=names)
    np.maximum.at(home, pairs[:, 0], claiming)
    few = (countries <= np.maximum(1.0, FIRM_COUNTRIES * size)) & (home >= FIRM_HOME * known)
    firm = (size >= SEVERAL) & few
    return np.append(firm, False)[domain]


def commonest(values: Strings) -> tuple[str | None, float]:
    """The value that most have, and the share of all that have it; (None, 0) without any."""
    known = np.asarray([v for v in values if v is not None], dtype=str)
    if known.size == 0:
        return None, 0.0
    names, counts = np.unique(known, return_counts=True)
    return str(names[counts.argmax()]), float(counts.max() / values.size)

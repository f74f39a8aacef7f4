"""User agents and JA4 fingerprints that real client software sends.

A JA4 is a function of the TLS library, so versions of one library share it.
"""

from typing import Final

import numpy as np

from iolaus.worlds.model import Client, token

_TLS_SEED = 4


def _ja4(library: str, extensions: int = 12) -> str:
    head = f"t13d{13 + len(library) % 5:02d}{extensions:02d}h2"
    return f"{head}_{token(_TLS_SEED, library, 'b')}_{token(_TLS_SEED, library, 'c')}"


def _family(pattern: str, versions: tuple[str, ...], library: str) -> list[Client]:
    return [Client(pattern.format(v), _ja4(library)) for v in versions]


SDKS: Final = (
    _family("OpenAI/Python {}", ("1.51.2", "1.54.4", "1.57.0", "1.40.6"), "openssl3-httpx")
    + _family("Anthropic/Python {}", ("0.39.0", "0.37.1", "0.42.0"), "openssl3-httpx")
    + _family("OpenAI/JS {}", ("4.73.0", "4.68.4", "4.56.0"), "node20")
    + _family("Anthropic/JS {}", ("0.32.1", "0.30.0"), "node20")
    + _family("python-requests/{}", ("2.32.3", "2.31.0", "2.28.2"), "openssl3-urllib3")
    + _family("python-httpx/{}", ("0.27.2", "0.28.0"), "openssl3-httpx")
    + _family("axios/{}", ("1.7.7", "1.6.8"), "node20")
    + _family("node-fetch/{}", ("1.0", "2.7.0"), "node18")
    + _family("Go-http-client/{}", ("2.0", "1.1"), "go1.22")
    + _family("okhttp/{}", ("4.12.0", "4.9.3"), "boringssl-okhttp")
    + _family("LangChain/Python {}", ("0.3.7", "0.2.16"), "openssl3-httpx")
    + _family("curl/{}", ("8.5.0", "7.88.1"), "openssl3-curl")
    + _family("Java-http-client/{}", ("17.0.12", "21.0.4"), "jdk17")
    + _family("reqwest/{}", ("0.12.9",), "rustls")
)
SDK_SHARES: Final = np.array([1.0 / (rank + 2) for rank in range(len(SDKS))])

_CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
_SYSTEMS = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "Linux; Android 10; K",
)
BROWSERS: Final = (
    [
        Client(_CHROME.format(system, version), _ja4("boringssl-chrome", 16))
        for version in (131, 130, 129, 128)
        for system in _SYSTEMS
    ]
    + [
        Client(f"Mozilla/5.0 ({system}; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", _ja4("nss", 15))
        for v in (132, 131)
        for system in _SYSTEMS[:3]
    ]
    + [
        Client(
            f"Mozilla/5.0 (iPhone; CPU iPhone OS {v} like Mac OS X) AppleWebKit/605.1.15 "
            f"(KHTML, like Gecko) Version/{v[:2]}.0 Mobile/15E148 Safari/604.1",
            _ja4("apple", 14),
        )
        for v in ("18_1", "17_6", "18_0")
    ]
)
BROWSER_SHARES: Final = np.array([1.0 / (rank + 2) for rank in range(len(BROWSERS))])


def sdks(count: int, rng: np.random.Generator, among: int = len(SDKS)) -> list[Client]:
    """`count` different SDK clients of the `among` most popular, popular ones more often."""
    shares = SDK_SHARES[:among] / SDK_SHARES[:among].sum()
    return [SDKS[i] for i in rng.choice(among, count, replace=False, p=shares)]


def browsers(count: int, rng: np.random.Generator) -> list[Client]:
    """`count` different browsers, popular ones more often."""
    p = BROWSER_SHARES / BROWSER_SHARES.sum()
    return [BROWSERS[i] for i in rng.choice(len(BROWSERS), count, replace=False, p=p)]

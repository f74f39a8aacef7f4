"""User agents -> coarse families of client software, from a fixed vocabulary.

Families of SDKs and HTTP libraries matter here, and those of browsers only roughly; so this is a
short table of our own and not a browser database. What it does not know is 'other': a hostile
client that invents a new agent per request must not grow a vocabulary.
"""

import re
from collections.abc import Iterable
from typing import Final

import pyarrow as pa

OTHER = "other"
BROWSER = "mozilla/"  # what all browsers, and most crawlers, begin with

# (start of the agent in lower case, family), the longer start first where one begins another.
_STARTS: Final = (
    ("openai/python", "openai-python"), ("asyncopenai/python", "openai-python"),
    ("openai/js", "openai-js"), ("openai/go", "openai-go"), ("openai/java", "openai-java"),
    ("azureopenai/", "openai-azure"), ("anthropic/python", "anthropic-python"),
    ("asyncanthropic/python", "anthropic-python"), ("anthropic/js", "anthropic-js"),
    ("anthropic/go", "anthropic-go"), ("anthropic/java", "anthropic-java"),
    ("claude-cli", "claude-cli"), ("google-genai-sdk", "google-genai"),
    ("google-api-python-client", "google-api"), ("mistral-client", "mistral"),
    ("cohere", "cohere"), ("litellm", "litellm"), ("langchain", "langchain"),
    ("llamaindex", "llamaindex"), ("llama-index", "llamaindex"), ("ai-sdk", "vercel-ai-sdk"),
    ("ai/", "vercel-ai-sdk"), ("boto3", "aws-sdk"), ("botocore", "aws-sdk"), ("aws-sdk", "aws-sdk"),
    ("aws-cli", "aws-sdk"), ("azsdk", "azure-sdk"), ("python-requests", "python-requests"),
    ("python-httpx", "python-httpx"), ("python-urllib", "python-urllib"),
    ("python/", "python-aiohttp"), ("aiohttp", "python-aiohttp"), ("scrapy", "scrapy"),
    ("node-fetch", "node-fetch"), ("undici", "node-undici"), ("node", "node-undici"),
    ("axios", "axios"), ("got (", "node-got"), ("bun/", "bun"), ("deno/", "deno"),
    ("go-http-client", "go-http-client"), ("go-resty", "go-http-client"), ("okhttp", "okhttp"),
    ("java-http-client", "java-http-client"), ("apache-httpclient", "apache-httpclient"),
    ("java/", "java-http-client"), ("reqwest", "rust-reqwest"), ("hyper", "rust-reqwest"),
    ("ruby", "ruby"), ("faraday", "ruby"), ("guzzlehttp", "php"), ("php", "php"), ("curl", "curl"),
    ("wget", "wget"), ("httpie", "httpie"), ("postmanruntime", "postman"), ("insomnia", "insomnia"),
    ("grpc-", "grpc"), ("dart/", "dart"), ("k6/", "load-test"), ("locust", "load-test"),
    ("libwww-perl", "perl"), ("cfnetwork", "apple-cfnetwork"),
)  # fmt: skip

# Of agents that begin with mozilla/: what stands anywhere in them, first match first.
_BROWSERS: Final = (
    ("headlesschrome", "browser-headless"), ("puppeteer", "browser-headless"),
    ("playwright", "browser-headless"), ("phantomjs", "browser-headless"), ("bot", "crawler"),
    ("crawler", "crawler"), ("spider", "crawler"), ("electron/", "electron"), ("edg", "edge"),
    ("opr/", "opera"), ("firefox/", "firefox"), ("fxios/", "firefox"), ("crios/", "chrome"),
    ("chrome/", "chrome"), ("chromium/", "chrome"), ("safari/", "safari"),
    ("powershell", "powershell"),
)  # fmt: skip
_START: Final = re.compile("|".join(f"({re.escape(start)})" for start, _ in _STARTS), re.ASCII)
_INSIDE: Final = re.compile("|".join(re.escape(part) for part, _ in _BROWSERS), re.ASCII)
LONGEST = 512  # characters looked at


def family(agent: str) -> str:
    """Family of one user agent; OTHER where the table has none, or it is empty."""
    text = agent[:LONGEST].strip().lower()
    if text.startswith(BROWSER):
        found = set(_INSIDE.findall(text))
        return next((name for part, name in _BROWSERS if part in found), "browser-other")
    match = _START.match(text)
    return _STARTS[match.lastindex - 1][1] if match and match.lastindex else OTHER


def families(agents: pa.Array) -> pa.Array:
    """Family of each agent, as text; null stays null. Each distinct agent is looked at once."""
    folded = agents.dictionary_encode()
    known = pa.array(map(family, folded.dictionary.to_pylist()), pa.string())
    return known.take(folded.indices)


def vocabulary() -> Iterable[str]:
    """Every family that `family` can say."""
    named = {name for _, name in (*_STARTS, *_BROWSERS)}
    return sorted(named | {OTHER, "browser-other"})

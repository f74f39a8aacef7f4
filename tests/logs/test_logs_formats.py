"""Each known format: what its records become, and how it is recognised."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from iolaus.core.errors import ConfigError
from iolaus.logs import Log, open_log
from iolaus.logs.envoy import Envoy
from iolaus.logs.formats import KNOWN, NAMES
from iolaus.logs.mapping import load, unpacked
from iolaus.logs.shape import client_address, in_utc, total

FIXTURES = Path(__file__).parent / "fixtures"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Make = Callable[..., Log]


@pytest.fixture
def log_of(tmp_path: Path) -> Make:
    """A log with one fixture file, and optionally a mapping."""

    def make(fixture: str, mapping: str = "", name: str | None = None) -> Log:
        source = FIXTURES / fixture
        folder = tmp_path / "log" / "exchanges"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / (name or source.name))
        if mapping:
            (tmp_path / "log" / "mapping.toml").write_text(mapping)
        return open_log(tmp_path / "log")

    return make


def rows(log: Log) -> list[dict[str, Any]]:
    """The log's rows without nulls and places; its counts add up."""
    found = pa.Table.from_batches(log.batches()).drop_columns(["source_file", "source_row"])
    assert log.rejects.rows_seen == found.num_rows + sum(log.rejects.counts.values())
    return [{k: v for k, v in row.items() if v is not None} for row in found.to_pylist()]


def details(log: Log) -> list[tuple[int, str, str]]:
    table = log.rejects.table().to_pylist()
    return sorted((row["row"], row["cause"], row["detail"]) for row in table)


def test_bedrock(log_of: Make) -> None:
    log = log_of("bedrock/invocations.jsonl")
    found = rows(log)
    assert log.formats == {"bedrock": 1}
    assert found[0] == {
        "exchange_id": "00000000-0000-4000-8000-000000000000",
        "ts": NOON,
        "account_id": "arn:aws:iam::123456789012:user/acme",
        "api_key_id": "arn:aws:iam::123456789012:user/acme",
        "model": "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "status": 200,
        "input_tokens": 31,
        "cached_input_tokens": 8,
        "output_tokens": 6,
        "max_output_tokens": 512,
        "temperature": 0.3,
        "stream": False,
        "tool_count": 1,
        "system_prompt": "You are terse.",
        "prompt": "Name a river",
        "response": "The Elbe.",
    }
    assert details(log) == [(7, "not an exchange", "modelId: amazon.titan-embed-text-v2:0")]


def test_bedrock_bodies_of_other_models_and_streams(log_of: Make) -> None:
    found = rows(log_of("bedrock/invocations.jsonl"))
    texts = [(r.get("prompt"), r.get("response"), r["stream"]) for r in found]
    assert texts == [
        ("Name a river", "The Elbe.", False),
        ("Stream a river", "The Oder.", True),
        ("Name a mountain", "The Brocken.", False),
        ("Stream a mountain", "Mont Blanc.", True),
        ("Name a lake", "Lake Garda.", False),
        ("Name a sea", "The Baltic.", False),
        (None, None, False),  # bodies in objects of their own: not measured
        ("Too fast", None, False),
    ]
    assert [r.get("max_output_tokens") for r in found] == [512, 256, 100, 100, 64, 32, None, 16]
    assert [r.get("temperature") for r in found] == [0.3, None, 1, None, 0, 0.5, None, None]
    assert (found[2]["model"], found[2]["tool_count"]) == ("us.amazon.nova-pro-v1:0", 2)
    assert found[2]["cached_input_tokens"] == 4
    assert (found[6]["input_tokens"], found[6]["output_tokens"]) == (90_000, 12)
    assert found[7]["status"] == 429 and "input_tokens" not in found[7]


def test_bedrock_sessions_of_one_role_are_one_account(log_of: Make) -> None:
    found = rows(log_of("bedrock/invocations.jsonl"))
    assert found[1]["account_id"] == "arn:aws:sts::123456789012:assumed-role/gateway"
    assert found[1]["api_key_id"].endswith("assumed-role/gateway/session-17")


def test_identity_comes_from_where_the_mapping_says(log_of: Make) -> None:
    mapping = '[exchanges]\naccount_id = ["requestMetadata.customer", "identity.arn"]\n'
    found = rows(log_of("bedrock/invocations.jsonl", mapping))
    assert [r["account_id"] for r in found[:3]] == ["c-1", "c-2", "c-2"]
    assert found[4]["account_id"] == "arn:aws:iam::123456789012:user/acme"


def test_langfuse_export(log_of: Make) -> None:
    log = log_of("langfuse/observations_v2.jsonl")
    found = rows(log)
    assert log.formats == {"langfuse": 1}
    assert found[0] == {
        "exchange_id": "obs-0",
        "ts": NOON + timedelta(milliseconds=963),
        "account_id": "user-0",
        "conversation_id": "s-0",
        "model": "gpt-4o-mini",
        "input_tokens": 24,
        "cached_input_tokens": 4,
        "output_tokens": 12,
        "reasoning_tokens": 2,
        "max_output_tokens": 256,
        "temperature": 0.7,
        "system_prompt": "You are terse.",
        "prompt": "Question 0",
        "response": "Answer 0",
    }
    assert [(r.get("prompt"), r.get("response")) for r in found[1:]] == [
        ("What is 2 + 2?", "4"),
        ('{"document": 7}', None),
    ]
    assert "input_tokens" not in found[2]
    assert details(log) == [(3, "not an exchange", "type: SPAN"), (5, "missing account_id", "")]


def test_langfuse_api_with_its_older_usage(log_of: Make) -> None:
    mapping = '[exchanges]\naccount_id = "metadata.customer"\n'
    log = log_of("langfuse/api.json", mapping)
    found = rows(log)
    assert [(r["input_tokens"], r["output_tokens"]) for r in found] == [(7, 3), (8, 2)]
    assert found[1] == {
        "exchange_id": "o1",
        "ts": NOON + timedelta(seconds=1),
        "account_id": "acme",
        "model": "claude-sonnet-4-5",
        "input_tokens": 8,
        "output_tokens": 2,
        "temperature": 1.0,
        "stream": True,
        "system_prompt": "You are kind.",
        "prompt": "Ask 1",
        "response": "Reply 1",
    }
    assert details(log) == [(3, "not an exchange", "type: EVENT")]


def test_langfuse_without_users_says_what_is_missing(log_of: Make) -> None:
    log = log_of("langfuse/api.json")
    with pytest.raises(Exception, match="missing account_id: 2, not an exchange: 1"):
        rows(log)


def test_litellm_payload_of_a_real_proxy(log_of: Make) -> None:
    log = log_of("litellm/standard_logging_payload.jsonl")
    found = rows(log)
    assert log.formats == {"litellm": 1}
    assert len(found) == 18 and log.rejects.counts == {}
    assert len({r["exchange_id"] for r in found}) == 18
    assert {r["account_id"]: r["organization_id"] for r in found} == {
        "acct1": "orgA",
        "acct2": "orgA",
        "acct3": "orgB",
    }
    assert [r["status"] for r in found[:7]] == [200, 200, 200, 200, 200, 429, 500]
    assert [r["stream"] for r in found[:7]] == [False, False, False, True, True, False, False]
    assert [r.get("tool_count") for r in found[:7]] == [None, None, 1, None, 1, None, None]
    first = found[0]
    assert (first["prompt"], first["system_prompt"]) == ("Name a river", "You are terse.")
    assert first["response"] == "You said: Name a river"
    tokens = ("input_tokens", "cached_input_tokens", "output_tokens", "reasoning_tokens")
    assert [first[name] for name in tokens] == [23, 8, 10, 5]
    assert (first["max_output_tokens"], first["temperature"]) == (64, 0.2)
    assert (first["client_ip"], first["user_agent"]) == ("127.0.0.1", "OpenAI/Python 2.54.0")
    assert found[1]["choice_count"] == 2
    assert "input_tokens" not in found[5]  # a refused call: LiteLLM writes 0, nobody counted
    assert found[14]["model"] == "claude-sonnet-4-5" and found[14]["prompt"] == "Name a mountain"


def test_litellm_keys_without_a_user_stand_for_themselves(log_of: Make, tmp_path: Path) -> None:
    lines = (FIXTURES / "litellm/standard_logging_payload.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines[:3]]
    for record, user in zip(records, ("default_user_id", None, ""), strict=True):
        record["metadata"]["user_api_key_user_id"] = user
        record["messages"], record["response"] = (
            "redacted-by-litellm",
            {"text": "redacted-by-litellm"},
        )
    path = tmp_path / "log/exchanges/part.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(map(json.dumps, records)))
    found = rows(open_log(tmp_path / "log"))
    assert {r["account_id"] for r in found} == {records[0]["metadata"]["user_api_key_hash"]}
    assert all("prompt" not in r and "response" not in r for r in found)


def test_envoy_of_a_real_gateway(log_of: Make) -> None:
    log = log_of("envoy/access.jsonl")
    found = rows(log)
    assert log.formats == {"envoy": 1}
    assert found[2] == {
        "exchange_id": "f3cd5717-2821-4a15-b42a-2a71a8f35f9a",
        "ts": datetime(2026, 11, 21, 15, 45, 23, 623_000, tzinfo=UTC),
        "account_id": "acct-2",
        "model": "m-small",
        "status": 200,
        "client_ip": "192.0.2.2",  # as the gateway saw it; 192.0.2.7 is what the client forged
        "tls_fingerprint": "t13i181000_85036bcba153_d41ae481755e",
        "user_agent": "recorder/1.0",
    }
    assert [r["status"] for r in found] == [200, 200, 200, 429]
    assert details(log) == [(5, "missing model", "")]  # the request without a route


def test_envoy_keys_of_other_gateways(tmp_path: Path) -> None:
    records = [
        {
            "start_time": "2026-03-01T12:00:00.000Z",
            "response_code": "0",
            "response_flags": "DC",
            "x_request_id": "a",
            "account_id": "u",
            "genai_model_name": "m",
            "genai_tokens_input": "12",
            "genai_tokens_output": "-",
            "downstream_remote_address": "[2001:db8::1]:4433",
        }
    ]
    path = tmp_path / "log/exchanges/access.log"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(map(json.dumps, records)))
    assert rows(open_log(tmp_path / "log")) == [
        {
            "exchange_id": "a",
            "ts": NOON,
            "account_id": "u",
            "model": "m",
            "client_ip": "2001:db8::1",
            "input_tokens": 12,
        }
    ]


def test_envoy_knows_best_who_its_client_is() -> None:
    record = {"x-forwarded-for": "203.0.113.9", "x-envoy-external-address": "198.51.100.1"}
    row = Envoy().row(record, frozenset(["client_ip"]))
    assert row == {"client_ip": "198.51.100.1"}


def test_azure_api_management(log_of: Make) -> None:
    log = log_of("azure_api_management/joined.jsonl")
    assert rows(log) == [
        {
            "exchange_id": "c-0",
            "ts": NOON + timedelta(microseconds=123_456),
            "account_id": "sub-1",
            "organization_id": "customer-1",
            "api_key_id": "sub-1",
            "model": "gpt-4o-mini-2024-07-18",
            "status": 200,
            "client_ip": "198.51.100.7",
            "user_agent": "OpenAI/Python 2.54.0",
            "input_tokens": 20,
            "output_tokens": 5,
            "stream": False,
            "system_prompt": "You are terse.",
            "prompt": "Name a river",
            "response": "The Elbe.",
        }
    ]
    assert details(log) == [
        (2, "not an exchange", "SequenceNumber: 1"),
        (3, "missing account_id", ""),
    ]


def test_cloudflare_ai_gateway(log_of: Make) -> None:
    log = log_of("cloudflare_ai_gateway/logs.json")
    assert rows(log) == [
        {
            "exchange_id": "01J0",
            "ts": NOON,
            "account_id": "cust-1",
            "model": "gpt-4o-mini",
            "status": 200,
            "input_tokens": 20,
            "output_tokens": 5,
            "max_output_tokens": 64,
            "prompt": "Name a river",
        }
    ]
    assert details(log) == [(2, "missing account_id", "")]


@pytest.mark.parametrize(
    "fixture",
    sorted(
        p.relative_to(FIXTURES).as_posix()
        for p in FIXTURES.glob("*/*.json*")
        if p.parent.name != "otlp"
    ),
)
def test_every_fixture_matches_one_format_alone(fixture: str) -> None:
    text = (FIXTURES / fixture).read_text()
    first = json.loads(text if fixture.endswith(".json") else text.splitlines()[0])
    record = next(v for v in [first.get("data"), first.get("result"), [first]] if v)[0]
    assert sum(known.matches(record) for known in KNOWN) == 1


def test_excerpts_are_found_in_foreign_formats(log_of: Make) -> None:
    assert log_of("bedrock/invocations.jsonl").excerpts([(0, 1), (0, 6)]) == [
        "Stream a river",
        None,
    ]


def test_excerpts_are_found_in_arrays(log_of: Make) -> None:
    assert log_of("langfuse/api.json").excerpts([(0, 1)]) == ["Ask 1"]


def test_a_format_that_the_mapping_names_is_taken(log_of: Make) -> None:
    log = log_of("bedrock/invocations.jsonl", 'format = "langfuse"\n')
    assert log.formats == {"langfuse": 1}
    with pytest.raises(Exception, match="not an exchange: 9"):
        rows(log)


def test_an_unknown_format_is_an_error(log_of: Make) -> None:
    with pytest.raises(ConfigError, match="Is it 'bedrock'"):
        log_of("bedrock/invocations.jsonl", 'format = "bedrok"\n')


@pytest.mark.parametrize(
    ("forwarded", "peer", "expected"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("1.1.1.1, 203.0.113.9", None, "203.0.113.9"),  # what the client claims stands on the left
        ("203.0.113.9, 10.0.0.1", "10.0.0.2:80", "203.0.113.9"),
        ("10.1.1.1, 10.0.0.1", None, "10.0.0.1"),
        (None, "[2001:db8::1]:443", "2001:db8::1"),
        (None, "2001:db8::1", "2001:db8::1"),
        ("", "198.51.100.1:9", "198.51.100.1"),
        ("unknown", None, "unknown"),
        ("", "", None),
    ],
)
def test_client_address(forwarded: Any, peer: Any, expected: Any) -> None:
    assert client_address(forwarded, peer) == expected


def test_a_message_inside_a_text_with_half_a_surrogate_pair() -> None:
    """Exports that hold messages as text in JSON: what is inside is mended as well."""
    assert unpacked('[{"role": "user", "content": "a \\ud800"}]') == [
        {"role": "user", "content": "a \ufffd"}
    ]
    assert unpacked("[1, NaN]") == [1, None]
    assert unpacked("{what?}") == "{what?}" and unpacked("text") == "text"


def test_small_helpers() -> None:
    assert in_utc("2026-03-01 12:00:00") == "2026-03-01 12:00:00Z"
    assert in_utc("2026-03-01T12:00:00-05:00") == "2026-03-01T12:00:00-05:00"
    assert in_utc(5) == 5 and in_utc("soon") == "soon"
    assert total() is None and total(None, 2, 3) == 5 and total(1, "x") == "x"


DOCS = Path(__file__).parents[2] / "docs"


def test_the_docs_name_every_format_and_each_has_a_page() -> None:
    page = (DOCS / "reading-logs.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in page] == []
    linked = re.findall(r"\]\((logs/[a-z-]+\.md)\)", page)
    pages = {f"logs/{path.name}" for path in (DOCS / "logs").glob("*.md")}
    assert pages == set(linked)


@pytest.mark.parametrize("page", sorted((DOCS / "logs").glob("*.md")), ids=lambda p: p.stem)
def test_each_page_says_how_to_log_and_what_is_lost_without_text(page: Path) -> None:
    text = page.read_text(encoding="utf-8").lower()
    own = page.stem == "csv-and-mapping"  # a log of the reader's own: nothing to switch on
    switched = "switch it on" in text or "receivers:" in text
    lost = "when text is off" in text or "what is lost without it" in text
    never = "never holds a prompt" in text
    assert own or switched
    assert lost or never
    run = "not run" in text or "there is no linking by" in text or "no wording" in text
    assert run or "reading-logs.md#formats" in text


def test_the_mapping_in_the_docs_can_be_read(tmp_path: Path) -> None:
    page = (DOCS / "logs/csv-and-mapping.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    more = re.findall(r"^    ((?:ts|model) = \{.*)  #", page, re.MULTILINE)
    assert len(more) == 2
    path = tmp_path / "mapping.toml"
    path.write_text(example)
    assert set(load(path).rules("exchanges")) >= {"account_id", "ts", "status"}
    path.write_text("[exchanges]\n" + "\n".join(more))
    assert load(path).rules("exchanges")["model"].values == {"1": "small", "*": "other"}

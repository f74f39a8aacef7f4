"""iolaus ingest: a scan of the store says what a scan of the log says, and a kill costs nothing."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.app.test_scan import run as scan
from tests.app.test_scan_enrichment import OPTIONS, config
from tests.conftest import is_campaign, write_planted
from typer.testing import CliRunner

from iolaus.app import cli
from iolaus.app.ingest import Job, ingest, summary, told_to_stop
from iolaus.app.progress import silent
from iolaus.app.scan import scan as whole_scan
from iolaus.app.settings import Privacy, Settings, load
from iolaus.core.errors import ConfigError, InputError
from iolaus.logs.enrichment import ACCOUNT_FACTS
from iolaus.logs.ingest import reading, writing
from iolaus.logs.privacy import add_key, read_keys, unseal

TABLES = ("campaigns", "members", "evidence")
WAIT_SECONDS = 300  # for a process on a busy machine; a passing test never waits so long


def job(source: Path, store: Path, **changes) -> Job:
    plain = Job(source, store, Settings(), None, None, "1GB", 2, 300.0)
    return replace(plain, **changes)


def once(what: Job) -> tuple[str, list[str]]:
    told: list[str] = []
    state = ingest(what, follow=False, stop=threading.Event(), report=silent, say=told.append)
    return summary(state, what.store), told


def rows(store: Path) -> pa.Table:
    return pa.concat_tables(map(pq.read_table, day_files(store)))


def day_files(store: Path) -> list[Path]:
    return sorted((store / "exchanges").glob("*/*.parquet"))


@pytest.fixture(scope="module")
def scanned(planted_log, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("scanned")
    scan(planted_log, out)
    return out


def test_a_scan_of_the_store_says_what_a_scan_of_the_log_says(planted_log, scanned, tmp_path):
    once(job(planted_log, tmp_path / "store"))
    scan(tmp_path / "store", tmp_path / "out")
    for name in TABLES:
        ours = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert ours.equals(pq.read_table(scanned / f"{name}.parquet")), name


def test_so_it_does_however_the_rows_come(planted_log, scanned, tmp_path):
    """Late, twice, in two formats and in small commits."""
    (tmp_path / "log" / "exchanges").mkdir(parents=True)
    whole = pq.read_table(planted_log / "exchanges" / "part-0.parquet")
    (tmp_path / "log" / "accounts.parquet").symlink_to(planted_log / "accounts.parquet")
    half = whole.num_rows // 2
    pq.write_table(whole.slice(half - 50), tmp_path / "log" / "exchanges" / "a.parquet")
    what = job(tmp_path / "log", tmp_path / "store", memory="8MB")
    once(what)
    written = whole.slice(0, half).to_pylist()
    lines = [json.dumps(row | {"ts": row["ts"].isoformat()}) + "\n" for row in written]
    (tmp_path / "log" / "exchanges" / "b.jsonl").write_text("".join(lines))
    said, _ = once(what)
    assert f"{whole.num_rows:,} stored, 50 duplicates, 0 rejected" in said
    scan(tmp_path / "store", tmp_path / "out")
    for name in TABLES:
        ours = pq.read_table(tmp_path / "out" / f"{name}.parquet")
        assert ours.equals(pq.read_table(scanned / f"{name}.parquet")), name


def test_pseudonyms_hide_names_and_no_campaign(planted_log, tmp_path):
    pytest.importorskip("cryptography", reason="sealing needs the extra iolaus[privacy]")
    add_key(tmp_path / "keys")
    privacy = Privacy(tmp_path / "keys", text="encrypt")
    store = tmp_path / "store"
    once(job(planted_log, store, privacy=privacy))
    stored = rows(store)
    assert stored["account_id"][0].as_py().startswith("k1-")
    assert "prompt" not in stored.column_names
    sealed = pq.read_table(next((store / "texts").glob("*/*.parquet")))
    assert "what about" in str(list(unseal(sealed, read_keys(tmp_path / "keys"))))
    names = dict(zip(*_accounts(planted_log, store), strict=True))
    result = scan(store, tmp_path / "out")
    raised = [
        r["campaign_id"] for r in result.campaigns.to_pylist() if r["verdict"] == "distillation"
    ]
    members = [r for r in result.members.to_pylist() if r["campaign_id"] in raised]
    assert len(raised) == 1
    assert sorted(names[r["account_id"]] for r in members) == sorted(
        filter(is_campaign, names.values())
    )
    with pytest.raises(ConfigError, match="other pseudonyms"):
        once(job(planted_log, store))


def _accounts(log: Path, store: Path) -> tuple[list[str], list[str]]:
    """Pseudonyms and names of the same accounts, in the order of the table."""
    tables = (pq.read_table(root / "accounts.parquet") for root in (store, log))
    pseudonyms, names = (table["account_id"].to_pylist() for table in tables)
    return pseudonyms, names


def test_texts_that_are_kept_can_be_read_and_others_are_nowhere(planted_log, tmp_path):
    add_key(tmp_path / "keys")
    kept = Privacy(tmp_path / "keys", pseudonyms=(), text="keep")
    once(job(planted_log, tmp_path / "kept", privacy=kept))
    assert "what about" in str(rows(tmp_path / "kept")["prompt"].to_pylist())
    once(job(planted_log, tmp_path / "dropped"))
    for path in (tmp_path / "dropped").rglob("*.parquet"):
        assert "what about" not in str(pq.read_table(path).to_pydict())
    assert rows(tmp_path / "dropped")["skeleton"].null_count == 0


def test_what_files_say_of_addresses_is_stored_before_they_are_replaced(planted_log, tmp_path):
    add_key(tmp_path / "keys")
    path = config(tmp_path, "45.1.2.0/24,NL,64500\n10.1.0.0/16,FR,64501")
    privacy = Privacy(tmp_path / "keys")
    once(job(planted_log, tmp_path / "store", settings=load(path), privacy=privacy))
    stored = rows(tmp_path / "store")
    assert set(stored["asn"].to_pylist()) == {None, 64500}
    assert set(stored["network_kind"].to_pylist()) >= {"vpn"}
    accounts = pq.read_table(tmp_path / "store" / "accounts.parquet")
    assert accounts["signup_country"].to_pylist().count("FR") == 256  # 10.1.256.1 is no address
    assert all(address.startswith("k1.") for address in accounts["signup_ip"].to_pylist())


def test_accounts_get_the_same_facts_in_a_scan_of_the_log_and_of_its_store(planted_log, tmp_path):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "exchanges").symlink_to(planted_log / "exchanges")
    table = pq.read_table(planted_log / "accounts.parquet")
    mail = ["thrown.example" if n % 3 else "kept.example" for n in range(table.num_rows)]
    place = table.column_names.index("email_domain")
    table = table.set_column(place, "email_domain", pa.array(mail))
    pq.write_table(table, tmp_path / "log" / "accounts.parquet")
    path = config(tmp_path, "45.1.2.0/24,NL,64500\n10.1.0.0/16,FR,64501")
    (tmp_path / "mail.txt").write_text("thrown.example\n")
    path.write_text(path.read_text() + "disposable_mail = ['mail.txt']\n")
    settings = load(path)
    add_key(tmp_path / "keys")
    store = tmp_path / "store"
    once(job(tmp_path / "log", store, settings=settings, privacy=Privacy(tmp_path / "keys")))
    whole_scan(tmp_path / "log", tmp_path / "a", settings, **OPTIONS)
    whole_scan(store, tmp_path / "b", settings, **OPTIONS)
    facts, stored = (
        pq.read_table(tmp_path / out / "stages" / "claimed.parquet").select(ACCOUNT_FACTS.names)
        for out in ("a", "b")
    )
    assert facts.equals(stored)  # the accounts stand in the same order
    assert facts["disposable_mail"].to_pylist() == [domain == "thrown.example" for domain in mail]
    said = [json.loads((tmp_path / out / "run.json").read_text())["enrichment"] for out in "ab"]
    assert said[0]["accounts"] == said[1]["accounts"]
    assert said[0]["accounts"]["accounts"] == table.num_rows
    assert said[0]["accounts"]["disposable_mail"] == mail.count("thrown.example")
    assert said[0]["accounts"]["signup_country"] == 256


def test_what_was_erased_does_not_come_back_with_a_copy(planted_log, tmp_path):
    add_key(tmp_path / "keys")
    (tmp_path / "c.toml").write_text("[privacy]\nkeys = 'keys'\n")
    log, store = tmp_path / "log", tmp_path / "store"
    (log / "exchanges").mkdir(parents=True)
    table = pq.read_table(planted_log / "exchanges" / "part-0.parquet").slice(0, 2_000)
    pq.write_table(table, log / "exchanges" / "a.parquet")
    what = job(log, store, privacy=Privacy(tmp_path / "keys"))
    once(what)
    account = table["account_id"][0].as_py()
    words = ["erase", str(store), account, "--config", str(tmp_path / "c.toml")]
    words += ["--who", "ada", "--why", "request 88"]
    with writing(store, "iolaus ingest"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("iolaus.logs.ingest.lock.PAUSE_SECONDS", 1e9)  # one look, then it gives up
        patch.setattr("time.sleep", lambda seconds: None)
        refused = CliRunner().invoke(cli.app, ["privacy", *words])
        assert "iolaus ingest (process" in str(refused.exception)
    with reading(store, "iolaus scan"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("iolaus.logs.ingest.lock.PAUSE_SECONDS", 1e9)
        patch.setattr("time.sleep", lambda seconds: None)
        refused = CliRunner().invoke(cli.app, ["privacy", *words])
        assert "a scan reads this store" in str(refused.exception)
    assert rows(store).num_rows == 2_000
    done = CliRunner().invoke(cli.app, ["privacy", *words])
    assert done.exit_code == 0, done.output
    left = [name for name in table["account_id"].to_pylist() if name != account]
    assert rows(store).num_rows == len(left) < 2_000
    pq.write_table(table.slice(0, 1_999), log / "exchanges" / "b.parquet")  # another file, old rows
    said, _ = once(what)
    assert "2,000 stored, 1,999 duplicates" in said
    assert rows(store).num_rows == len(left)


def test_what_a_receiver_wrote_is_ingested_as_it_comes(tmp_path):
    grpc = pytest.importorskip("grpc", reason="the receiver needs the extra iolaus[otlp]")
    from tests.app.test_receive import SAID, exports

    from iolaus.logs.receiver import Address, Receiver

    log, store = tmp_path / "log", tmp_path / "store"
    silently = {"seal_seconds": 60.0, "backlog_bytes": 2**30, "say": lambda text: None}
    for day in (1, 2):
        start = 1_772_366_400_000_000 + day * 86_400_000_000
        named = dict.fromkeys((*SAID, "system_prompt")) | {"model": "m", "account_id": "a"}
        sent = [named | {"ts": start + n, "prompt": f"what about {n}"} for n in range(day * 10)]
        with (
            Receiver(log, grpc=Address("127.0.0.1", 0), http=None, **silently) as receiver,
            grpc.insecure_channel(f"127.0.0.1:{receiver.grpc}") as channel,
        ):
            path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
            for data in exports(sent):  # on the second day, the first's ten spans once more
                channel.unary_unary(path)(data, timeout=60)
        said, _ = once(job(log, store))
    assert "20 stored, 10 duplicates, 0 rejected" in said
    assert rows(store)["prompt_hash"].null_count == 0
    days = sorted(path.name for path in (store / "exchanges").iterdir())
    assert days == ["day=2026-03-02", "day=2026-03-03"]


def test_the_command_says_what_it_did(tmp_path):
    source = tmp_path / "log" / "exchanges"
    source.mkdir(parents=True)
    good = {"exchange_id": "e1", "ts": "2026-03-01T12:00:00Z", "account_id": "a", "name": "m"}
    (source / "a.jsonl").write_text(json.dumps(good) + "\n{\n" + '{"exchange_id": ')
    (tmp_path / "m.toml").write_text('[exchanges]\nmodel = "name"\n')
    words = ["ingest", str(tmp_path / "log"), "--to", str(tmp_path / "store")]
    done = CliRunner().invoke(cli.app, [*words, "--mapping", str(tmp_path / "m.toml")])
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "2 rows: 1 stored, 0 duplicates, 1 rejected" in said
    assert "invalid JSON 1" in said
    assert "a.jsonl: its last line (16 bytes) is not whole" in said


def test_a_run_that_is_stopped_says_so_and_the_next_goes_on(planted_log, tmp_path, monkeypatch):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "exchanges").symlink_to(planted_log / "exchanges")
    table = pq.read_table(planted_log / "exchanges" / "part-0.parquet")
    words = ["ingest", str(tmp_path / "log"), "--to", str(tmp_path / "store")]

    @contextmanager
    def told() -> Iterator[threading.Event]:
        event = threading.Event()
        event.set()
        yield event

    with monkeypatch.context() as patch:
        patch.setattr("iolaus.app.ingest.told_to_stop", told)
        stopped = CliRunner().invoke(cli.app, words)
    assert stopped.exit_code == 130
    assert "Stopped before the end" in stopped.output
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    assert rows(tmp_path / "store").num_rows == table.num_rows


def test_signals_stop_it_and_are_given_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with told_to_stop() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(WAIT_SECONDS)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_it_refuses_what_it_cannot_do(tmp_path):
    def error(*words: str) -> Exception | None:
        return CliRunner().invoke(cli.app, ["ingest", *words]).exception

    (tmp_path / "log" / "exchanges").mkdir(parents=True)
    to = ["--to", str(tmp_path / "store")]
    assert isinstance(error(str(tmp_path / "no"), *to), InputError)
    assert isinstance(error(str(tmp_path / "log"), *to), InputError)
    assert isinstance(error(str(tmp_path / "log"), *to, "--every", "soon"), ConfigError)
    (tmp_path / "c.toml").write_text("[privacy]\nkeys = 'store/keys'\n")
    beside = error(str(tmp_path / "log"), *to, "--config", str(tmp_path / "c.toml"))
    assert "beside what it protects" in str(beside)


# --- in its own process -----------------------------------------------------------------------


@contextmanager
def process(*words: object) -> Iterator["subprocess.Popen[str]"]:
    command = "from iolaus.app.cli import main; main()"
    running = subprocess.Popen(
        [sys.executable, "-c", command, "ingest", *map(str, words)],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.wait()
        assert running.stderr is not None
        running.stderr.close()


def batch_of(store: Path) -> int:
    path = store / ".ingest" / "state.json"
    return int(orjson.loads(path.read_bytes())["batch"]) if path.exists() else -1


def wait_for(condition) -> None:
    pause = threading.Event()
    for _ in range(WAIT_SECONDS * 20):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError("it did not happen")


@pytest.mark.slow
def test_following_stores_what_comes_and_stops_when_told(planted_log, tmp_path):
    """As a service: begun before there is a log, fed line by line, stopped by SIGTERM."""
    (tmp_path / "log").mkdir()
    store = tmp_path / "store"
    lines = [
        json.dumps(row | {"ts": row["ts"].isoformat()}) + "\n"
        for row in pq.read_table(planted_log / "exchanges" / "part-0.parquet").to_pylist()[:600]
    ]
    path = tmp_path / "log" / "exchanges" / "app.log"
    with process(tmp_path / "log", "--to", store, "--follow", "--every", "1s") as running:
        wait_for(lambda: batch_of(store) == 0)
        path.parent.mkdir()
        path.write_text("".join(lines[:200]) + lines[200][:30])
        wait_for(lambda: day_files(store) and rows(store).num_rows == 200)
        with path.open("a") as file:
            file.write(lines[200][30:] + "".join(lines[201:400]))
        wait_for(lambda: rows(store).num_rows == 400)
        path.rename(path.with_name("app-1.log"))
        path.write_text("".join(lines[400:]))
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=WAIT_SECONDS)
    assert running.returncode == 0, said
    assert "0 duplicates, 0 rejected" in said.splitlines()[-1]
    once(job(tmp_path / "log", store))
    assert rows(store).num_rows == 600


@pytest.mark.slow
def test_killed_by_the_system_again_and_again_it_loses_and_repeats_nothing(tmp_path):
    write_planted(tmp_path / "log", days=20)
    wanted = pq.read_table(tmp_path / "log" / "exchanges" / "part-0.parquet")
    log, store = tmp_path / "log" / "exchanges", tmp_path / "store"
    pq.write_table(wanted, log / "part-0.parquet", row_group_size=500)
    some = wanted.slice(0, 3_000).to_pylist()
    lines = [json.dumps(row | {"ts": row["ts"].isoformat()}) + "\n{\n" for row in some]
    (log / "part-1.jsonl").write_text("".join(lines))  # every row a duplicate, and as many broken
    words = (tmp_path / "log", "--to", store, "--memory", "1MB")
    kills = 0
    for _ in range(6):
        with process(*words) as running:
            before = batch_of(store)
            wait_for(lambda: batch_of(store) > before + 1 or running.poll() is not None)  # noqa: B023
            if running.poll() is None:
                os.kill(running.pid, signal.SIGKILL)
                kills += 1
    assert kills >= 1
    said, _ = once(job(tmp_path / "log", store))
    assert f"{wanted.num_rows + 6_000:,} rows" in said
    assert f"{wanted.num_rows:,} stored, 3,000 duplicates, 3,000 rejected" in said
    assert sorted(rows(store)["exchange_id"].to_pylist()) == sorted(
        wanted["exchange_id"].to_pylist()
    )
    written = [pq.read_metadata(p).num_rows for p in (store / "rejects").glob("*.parquet")]
    assert sum(written) == 6_000

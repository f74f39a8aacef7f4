"""From files to columns: formats, precedence, what is not measured, and files that are bad."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from making_mmdb import write_mmdb

from iolaus.app.settings import load, load_enrichment
from iolaus.core.errors import ConfigError
from iolaus.core.tables import ACCOUNTS, EXCHANGES
from iolaus.logs.enrichment import (
    ACCOUNT_FACTS,
    CsvFile,
    EnrichmentFiles,
    Tally,
    compile_files,
    csvs,
    enrich,
    enrich_accounts,
)
from iolaus.logs.enrichment.clients import families, vocabulary

IPS = ["192.0.2.1", "192.0.2.200", "198.51.100.7", "2001:db8::7", "2001:db8:1::7", "no ip", None]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rows(*ips: str | None, **columns: list[Any]) -> pa.RecordBatch:
    given = {"client_ip": list(ips)} | columns
    arrays = [
        pa.array(given[f.name], f.type) if f.name in given else pa.nulls(len(ips), f.type)
        for f in EXCHANGES
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=EXCHANGES)


def facts(files: EnrichmentFiles, *ips: str | None, **columns: list[Any]) -> dict[str, list[Any]]:
    done = next(enrich([rows(*ips, **columns)], compile_files(files)))
    return {name: done[name].to_pylist() for name in ("country", "asn", "network_kind")}


def test_an_mmdb_of_countries_and_one_of_operators(tmp_path: Path) -> None:
    pytest.importorskip("maxminddb")
    country = write_mmdb(
        tmp_path / "country.mmdb",
        {
            "192.0.2.0/25": {"country": {"iso_code": "DE", "geoname_id": 2921044}},
            "192.0.2.128/25": {"registered_country": {"iso_code": "US"}},
            "2001:db8::/48": {"country": {"iso_code": "JP"}},
        },
    )
    operator = write_mmdb(
        tmp_path / "asn.mmdb",
        {
            "192.0.2.0/24": {
                "autonomous_system_number": 64500,
                "autonomous_system_organization": "x",
            }
        },
    )
    assert facts(EnrichmentFiles(mmdb=(country, operator)), *IPS) == {
        "country": ["DE", None, None, "JP", None, None, None],
        "asn": [64500, 64500, None, None, None, None, None],
        "network_kind": [None] * 7,  # no file of kinds: not measured
    }


def test_an_mmdb_of_another_maker_and_one_of_kinds(tmp_path: Path) -> None:
    pytest.importorskip("maxminddb")
    lite = write_mmdb(
        tmp_path / "lite.mmdb",
        {"198.51.100.0/24": {"country": "Norway", "country_code": "no", "asn": "AS64501"}},
        version=4,
    )
    kinds = write_mmdb(
        tmp_path / "kinds.mmdb",
        {"192.0.2.1/32": {"is_anonymous": True, "is_hosting_provider": True,
                          "is_tor_exit_node": True},
         "198.51.100.0/24": {"is_anonymous": True, "is_anonymous_vpn": True}},
    )  # fmt: skip
    assert facts(EnrichmentFiles(mmdb=(lite, kinds)), *IPS[:4]) == {
        "country": [None, None, "NO", None],
        "asn": [None, None, 64501, None],
        "network_kind": ["tor", "unlisted", "vpn", None],  # of IPv6 the file says nothing
    }


CSVS = {
    "cidr": "cidr,country\n192.0.2.0/24,de\n192.0.2.128/25,FR\n2001:db8::/32,Jp\n",
    "ipinfo": "network,country,country_code,continent,asn,as_name\n"
    '192.0.2.0/25,"Germany, really",DE,Europe,AS64500,x\n192.0.2.128/25,France,FR,Europe,,\n'
    "2001:db8::/32,Japan,JP,Asia,,\n",
    "ends": '"start_ip";"end_ip";"country"\r\n192.0.2.0;192.0.2.127;DE\r\n'
    "192.0.2.128;192.0.2.255;FR\r\n2001:db8::;2001:db8:ffff::;JP\r\n",
    "numbers": "ip_from\tip_to\tcountry_code\n3221225984\t3221226111\tDE\n"
    "3221226112\t3221226239\tFR\n42540766411282592856903984951653826560\t"
    "42540766411282592856903984951653892095\tJP\n",
}


@pytest.mark.parametrize("layout", CSVS)
@pytest.mark.parametrize("packed", [False, True])
def test_ranges_in_csv_of_any_layout(layout: str, packed: bool, tmp_path: Path) -> None:
    data = CSVS[layout].encode()
    path = write(tmp_path / "r.csv.gz", gzip.compress(data)) if packed else tmp_path / "r.csv"
    if not packed:
        write(path, data)
    found = facts(EnrichmentFiles(csv=(CsvFile(path),)), *IPS)
    tested = 4 if layout != "numbers" else 3  # its last range ends at 2001:db8::ffff
    assert found["country"][:tested] == ["DE", "FR", None, "JP"][:tested]
    assert found["country"][5:] == [None, None]
    assert found["asn"][0] == (64500 if layout == "ipinfo" else None)


def test_a_csv_without_header_has_its_columns_named(tmp_path: Path) -> None:
    path = write(tmp_path / "ip2asn.tsv", "192.0.2.0\t192.0.2.255\t64500\tDE\tNAME, of\n"
                 "198.51.100.0\t198.51.100.255\t0\tNone\tNot routed\n")  # fmt: skip
    with pytest.raises(ConfigError, match=r"names no known columns.*columns = "):
        compile_files(EnrichmentFiles(csv=(CsvFile(path),)))
    named = CsvFile(path, ("start", "end", "asn", "country", "-"))
    assert facts(EnrichmentFiles(csv=(named,)), *IPS[:3]) == {
        "country": ["DE", "DE", None],
        "asn": [64500, 64500, None],
        "network_kind": [None] * 3,
    }
    with pytest.raises(ConfigError, match="4 columns are named, but the first line has 5"):
        compile_files(EnrichmentFiles(csv=(CsvFile(path, named.columns[:4]),)))
    with pytest.raises(ConfigError, match="'city' is no column"):
        compile_files(EnrichmentFiles(csv=(CsvFile(path, ("start", "end", "asn", "city", "-")),)))


def test_the_file_named_first_wins_and_the_log_before_all(tmp_path: Path) -> None:
    first = CsvFile(write(tmp_path / "a.csv", "network,country\n192.0.2.0/24,DE\n"))
    second = CsvFile(
        write(tmp_path / "b.csv", "network,country,asn\n192.0.2.1,FR,1\n198.51.100.0/24,FR,2\n")
    )
    assert facts(EnrichmentFiles(csv=(first, second)), *IPS[:3])["country"] == ["DE", "DE", "FR"]
    assert facts(EnrichmentFiles(csv=(second, first)), *IPS[:3])["country"] == ["FR", "DE", "FR"]
    found = facts(
        EnrichmentFiles(csv=(first, second)), *IPS[:3], country=[None, "XK", None], asn=[9, None, 8]
    )
    assert found["country"] == ["DE", "XK", "FR"]
    assert found["asn"] == [9, None, 8]


def lists(tmp_path: Path, **texts: str) -> EnrichmentFiles:
    return EnrichmentFiles(
        **{kind: (write(tmp_path / f"{kind}.txt", text),) for kind, text in texts.items()}
    )


def test_kinds_of_networks(tmp_path: Path) -> None:
    files = lists(
        tmp_path,
        data_centre="# clouds\n192.0.2.0/24 # one\n\n198.51.100.0-198.51.100.255 ; another\n",
        vpn="192.0.2.128/25\nAS64501",
        tor="198.51.100.7\n",
    )
    assert facts(files, *IPS)["network_kind"] == [
        "data_centre", "vpn", "tor", None, None, None, None,  # no list has an IPv6 address
    ]  # fmt: skip
    known = facts(files, "203.0.113.1", "203.0.113.2", "2001:db8::7", asn=[64501, 7, 7])
    assert known["network_kind"] == ["vpn", "unlisted", "unlisted"]


def test_bad_lines_are_counted_and_said(tmp_path: Path) -> None:
    listed = write(tmp_path / "l.txt", b"192.0.2.0/24\n\xff\xfe rubbish\n10.0.0.0/40\n"
                   + b"9" * 5000 + b"\n198.51.100.7\0\n2001:db8::/32\n9.9.9.9-1.1.1.1")  # fmt: skip
    table = write(tmp_path / "t.csv", b"network,country\n192.0.2.0/24,DE\nmore,than,two\n\n"
                  b"10.0.0.0/99,FR\n\xff\xff,\xff\n=cmd()|'x',DE\n2001:db8::/32,JP\n")  # fmt: skip
    done = compile_files(EnrichmentFiles(csv=(CsvFile(table),), proxy=(listed,)))
    of_table, of_list = (report.as_dict() for report in done.reports)
    assert (of_list["entries"], of_list["bad_lines"]) == (2, 5)
    assert [e.split(":")[0] for e in of_list["examples"]] == [  # in the order they were found
        "line 4", "line 2", "line 3", "line 5", "line 7",
    ]  # fmt: skip
    assert (of_table["entries"], of_table["bad_lines"]) == (2, 4)
    assert of_table["examples"] == [
        "line 3: more,than,two", "line 5: 10.0.0.0/99", "line 6: ��", "line 7: =cmd()|'x'",
    ]  # fmt: skip
    assert "\0" not in str(of_list)


@pytest.mark.parametrize("kind", ["mmdb", "csv", "vpn", "disposable_mail"])
@pytest.mark.parametrize(
    "content", [None, b"", b"\0" * 999, b"\xff" * 70_000, b"<html>no</html>\n"]
)
def test_a_file_of_no_use_is_an_error_with_a_next_step(
    kind: str, content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    entry: Any = CsvFile(path) if kind == "csv" else path
    with pytest.raises(ConfigError) as caught:
        compile_files(EnrichmentFiles(**{kind: (entry,)}))
    assert str(path) in caught.value.where
    assert caught.value.next_step
    if content is None:
        assert "no such file" in caught.value.what


def test_a_csv_that_grows_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csvs, "LARGEST", 10_000)
    rows = b"network,country\n" + b"192.0.2.0/24,DE\n" * 1_000
    path = write(tmp_path / "r.csv.gz", gzip.compress(rows))
    with pytest.raises(ConfigError, match="larger than 10,000 bytes once unpacked"):
        compile_files(EnrichmentFiles(csv=(CsvFile(path),)))


@pytest.mark.parametrize("cut", [10, 60])
def test_a_damaged_gzip(cut: int, tmp_path: Path) -> None:
    data = gzip.compress(b"network,country\n" + b"192.0.2.0/24,DE\n" * 999)
    path = write(tmp_path / "r.csv.gz", data[:cut])
    with pytest.raises(ConfigError):
        compile_files(EnrichmentFiles(csv=(CsvFile(path),)))


def test_a_truncated_mmdb(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "c.mmdb", {"192.0.2.0/24": {"country": {"iso_code": "DE"}}})
    data = path.read_bytes()
    path.write_bytes(data[:400] + b"\xff" * 40 + data[440:])
    with pytest.raises(ConfigError):
        compile_files(EnrichmentFiles(mmdb=(path,)))


def test_accounts(tmp_path: Path) -> None:
    files = EnrichmentFiles(
        csv=(CsvFile(write(tmp_path / "a.csv", "network,country,asn\n192.0.2.0/24,DE,64500\n")),),
        tor=(write(tmp_path / "tor.txt", "192.0.2.200"),),
        disposable_mail=(write(tmp_path / "mail.txt", "# list\n*.Trash.example\n@x.test\nnone\n"),),
    )
    given = pa.Table.from_pylist(
        [
            {"account_id": "a", "signup_ip": "192.0.2.200", "email_domain": "a.TRASH.example."},
            {"account_id": "b", "signup_ip": None, "email_domain": "mytrash.example"},
            {"account_id": "c", "signup_ip": "203.0.113.1", "email_domain": None},
        ],
        schema=ACCOUNTS,
    )
    done = enrich_accounts(given, compile_files(files))
    assert done.schema.equals(pa.schema([*ACCOUNTS, *ACCOUNT_FACTS]))
    assert done.select(ACCOUNT_FACTS.names).to_pylist() == [
        {"signup_country": "DE", "signup_asn": 64500, "signup_network_kind": "tor",
         "disposable_mail": True},
        {"signup_country": None, "signup_asn": None, "signup_network_kind": None,
         "disposable_mail": False},
        {"signup_country": None, "signup_asn": None, "signup_network_kind": "unlisted",
         "disposable_mail": None},
    ]  # fmt: skip
    without = enrich_accounts(given, compile_files(EnrichmentFiles()))
    assert without["disposable_mail"].null_count == 3


def test_what_was_filled_is_counted(tmp_path: Path) -> None:
    files = EnrichmentFiles(
        csv=(CsvFile(write(tmp_path / "a.csv", "network,country\n192.0.2.0/24,DE\n")),),
        vpn=(write(tmp_path / "vpn.txt", "192.0.2.200"),),
    )
    tally, compiled = Tally(), compile_files(files)
    agents = ["curl/8.5.0", "curl/8.5.0", None, "OpenAI/Python 1.5", "x", "y", "z"]
    batch = rows(*IPS, country=["FR", *[None] * 6], user_agent=agents)
    again = list(enrich([batch, batch.slice(1, 3)], compiled, tally))
    assert [b.num_rows for b in again] == [7, 3]
    assert again[1]["country"].to_pylist() == ["DE", None, None]
    assert tally.as_dict() == {
        "exchanges": 10,
        "country_filled": 2,
        "asn_filled": 0,
        "unreadable_addresses": 1,
        "network_kind": {"unlisted": 3, "vpn": 2},
        "client_family": {"curl": 3, "openai-python": 2, "other": 3},
    }


@pytest.mark.parametrize(
    ("agent", "family"),
    [
        ("OpenAI/Python 1.54.4", "openai-python"),
        ("AsyncAnthropic/Python 0.42.0", "anthropic-python"),
        ("python-requests/2.32.3", "python-requests"),
        ("axios/1.7.7", "axios"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/131.0.0.0 Safari/537.36", "chrome"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "HeadlessChrome/131.0.0.0 Safari/537.36", "browser-headless"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0", "edge"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
         "like Gecko) Version/18 Mobile/15E148 Safari/604.1", "safari"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://x)", "crawler"),
        ("my-curl/1", "other"),
        ("", "other"),
        ("\0‮" * 9_999, "other"),
    ],
)  # fmt: skip
def test_client_families(agent: str, family: str) -> None:
    assert families(pa.array([agent, None])).to_pylist() == [family, None]
    assert family in vocabulary()


CONFIG = """
[scan]
seed = 3
[enrichment]
mmdb = ["geo/country.mmdb"]
csv = ["a.csv", { path = "b.tsv", columns = ["start", "end", "asn"] }]
tor = "tor.txt"
"""


def test_the_configuration_names_the_files(tmp_path: Path) -> None:
    path = write(tmp_path / "iolaus.toml", CONFIG)
    assert load(path).seed == 3
    assert load_enrichment(path) == EnrichmentFiles(
        mmdb=(tmp_path / "geo/country.mmdb",),
        csv=(CsvFile(tmp_path / "a.csv"), CsvFile(tmp_path / "b.tsv", ("start", "end", "asn"))),
        tor=(tmp_path / "tor.txt",),
    )
    assert load_enrichment(None) is None
    assert load_enrichment(write(tmp_path / "empty.toml", "[scan]")) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[enrichment]\nmaxmind = []", "unknown setting 'maxmind'"),
        ("[enrichment]\nmmdb = [1]", "list of paths"),
        ("[enrichment]\ncsv = [{ file = 'x' }]", "has a path"),
        ("[enrichment]\ncsv = [{ path = 'x', columns = [1] }]", "has a path"),
        ("[enrichment]\ncsv = [{ columns = ['network'] }]", "list of paths"),
        ("enrichment = 3", "unknown table"),
        ("[enrich]", "unknown table"),
    ],
)
def test_a_wrong_configuration(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_enrichment(write(tmp_path / "iolaus.toml", text))
    assert caught.value.next_step

"""The report: safe with hostile text, bounded, the same bytes twice, right in what it says."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
import report_fixture as fixture

from iolaus.cases import ReportInput, render
from iolaus.core import tables

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """Elements, attributes and text of a page; notes tags that do not close in order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.crossed: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data: str) -> None:
        if not self._open or self._open[-1] not in {"style", "script"}:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def hostile(report: ReportInput, texts: tuple[str, ...]) -> ReportInput:
    """`report` with every string of the log's and the detectors' replaced by hostile text."""
    fixed = {"campaign_id", "verdict", "element"}
    swapped = {}
    for name in ("campaigns", "members", "evidence", "ties", "nulls", "excerpts", "unmeasured"):
        table = getattr(report, name)
        for i, field in enumerate(table.schema):
            if field.name not in fixed and pa.types.is_string(field.type):
                values = [texts[k % len(texts)] for k in range(table.num_rows)]
                table = table.set_column(i, field.name, pa.array(values, pa.string()))
        swapped[name] = table
    models = pa.array([list(texts)] * report.campaigns.num_rows, pa.list_(pa.string()))
    at = report.campaigns.schema.get_field_index("models")
    swapped["campaigns"] = swapped["campaigns"].set_column(at, "models", models)
    run = {
        **report.run,
        "log": texts[0],
        "version": texts[1 % len(texts)],
        "rejects": dict.fromkeys(texts, 3),
        "files": [{"path": text, "sha256": text} for text in texts],
        "window_start": texts[0],
    }
    return replace(report, run=run, **swapped)


@pytest.fixture(scope="module")
def html() -> str:
    return render(fixture.realistic())


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_is_well_formed_and_says_what_was_found(page: Page) -> None:
    assert page.crossed == []
    assert "Two campaigns consistent with distillation" in page.words
    assert "4,000 accounts out of 11,204" in page.words
    assert "1.16 million exchanges" in page.words
    assert "q 0.0041" in page.words
    assert "2 March 2026" in page.words


def test_same_input_same_bytes(html: str) -> None:
    assert render(fixture.realistic()) == html


def test_input_changes_output(html: str) -> None:
    assert render(fixture.realistic(seed=8)) != html


def test_size(html: str) -> None:
    five = len(render(fixture.realistic(campaigns=5)).encode())
    assert len(html.encode()) < five < 1_500_000


def test_nothing_is_loaded_from_elsewhere(html: str, page: Page) -> None:
    loading = {"src", "href", "xlink:href", "action", "data", "poster", "srcset", "background"}
    outside = [a for a in page.attributes if a[1] in loading and not a[2].startswith("#")]
    assert outside == []
    assert "url(" not in html and "@import" not in html
    assert not {"iframe", "object", "embed", "img", "link", "form", "base"} & set(page.tags)


def test_policy_allows_the_two_inline_blocks_and_nothing_else(html: str, page: Page) -> None:
    policy = next(v for t, n, v in page.attributes if n == "content" and "default-src" in v)
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for tag in ("style", "script"):
        (block,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not [a for a in page.attributes if a[1] == "style" or a[1].startswith("on")]


def test_no_element_or_attribute_comes_from_the_data() -> None:
    tame = Page(render(hostile(fixture.realistic(campaigns=1, honest=5), ("plain",))))
    for text in fixture.HOSTILE:
        wild = Page(render(hostile(fixture.realistic(campaigns=1, honest=5), (text,))))
        assert wild.crossed == []
        assert wild.tags == tame.tags, text
        names = [(tag, name) for tag, name, _ in wild.attributes]
        assert names == [(tag, name) for tag, name, _ in tame.attributes], text


def test_unseen_characters_are_shown(page: Page) -> None:
    html = render(hostile(fixture.realistic(), fixture.HOSTILE))
    for char in "\u202e\u2066\u2067\x00\x07\x1b\x7f\u200b\u200d\ufeff\u00ad\u3164\u2800\U000e0041":
        assert char not in html
        assert f"⟨U+{ord(char):04X}⟩" in html
    assert "\u0301" * 5 not in html and "⟨+36 marks⟩" in html
    assert "{{ 7*7 }}" in html and "49{" not in page.words


def test_every_text_of_the_log_is_isolated() -> None:
    marked = render(hostile(fixture.realistic(), ("mark\u05d0\u05d1",)))
    bare = re.sub(r"<bdi>.*?</bdi>", "", marked, flags=re.S)
    bare = re.sub(r"<title>[^<]*</title>| aria-label=\"[^\"]*\"", "", bare)
    assert "mark\u05d0" in marked
    assert "mark\u05d0" not in bare


def test_a_ten_megabyte_prompt_is_cut() -> None:
    big = fixture.realistic(campaigns=1, honest=0)
    at = big.excerpts.schema.get_field_index("text")
    texts = pa.array(["א<b>" * 2_500_000] + ["x"] * (big.excerpts.num_rows - 1))
    html = render(replace(big, excerpts=big.excerpts.set_column(at, "text", texts)))
    assert len(html) < 600_000
    assert "10 million characters in full" in html


def test_no_cluster_is_a_good_page() -> None:
    page = Page(render(fixture.empty()))
    assert page.crossed == []
    assert "No distillation campaign found" in page.words
    assert "No other group of accounts looked alike" in page.words
    assert "None" not in page.words and "nan" not in page.words.split()


def test_quiet_log_with_honest_clusters() -> None:
    page = Page(render(fixture.realistic(campaigns=0)))
    assert "No distillation campaign found" in page.words
    assert "8 clusters of accounts were tested, none of them called distillation" in page.words
    assert "The nearest to being raised has q 0.4." in page.words


def test_rows_of_nulls_are_said_as_not_measured() -> None:
    nothing: dict[str, Any] = {"campaign_id": "c-1", "verdict": "distillation"}
    made = {
        name.lower(): fixture.table(getattr(tables, name), [{**nothing, "verdict": "distillation"}])
        for name in ("CAMPAIGNS", "MEMBERS", "EVIDENCE", "TIMELINE", "TIES", "NULLS", "EXCERPTS")
    }
    report = ReportInput(**made, unmeasured=tables.UNMEASURED.empty_table(), run={})
    page = Page(render(report))
    assert page.crossed == []
    assert "One campaign consistent with distillation" in page.words
    assert "not measured" in page.words
    assert "None" not in page.words


def test_many_clusters_are_bounded_and_the_rest_is_counted() -> None:
    many = render(fixture.realistic(campaigns=30, honest=300))
    page = Page(many)
    assert len(many.encode()) < 2_500_000
    assert "300 clusters of accounts looked alike" in page.words
    assert "260 more are in campaigns.parquet" in page.words
    assert "8 of 30 campaigns are drawn above" in page.words


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("Resale", "harvest (p 0.47) is not shown"),
        (
            "Shared software",
            "coordination (p 0.31), deception (p 0.64) and harvest (p 0.22) are not",
        ),
        (
            "Shared organisation",
            "Its accounts openly belong to one organisation; deception (p 0.81)",
        ),
        ("Undetermined", "deception could not be measured"),
    ],
)
def test_honest_clusters_say_which_element_is_missing(page: Page, verdict: str, said: str) -> None:
    assert verdict in page.words
    assert said in page.words


def test_element_rows_are_not_in_the_waterfall(page: Page) -> None:
    # 6.2 + 4.4 + 14.8 of links, 72.9 - 7.0 of tests: see the fixture
    assert "91.3 bits" in page.words
    assert "element: " not in page.words


def test_pictures_have_names_and_headings_are_in_order(html: str, page: Page) -> None:
    pictures = re.findall(r"<svg[^>]*>(?:<title>)?", html)
    assert all("aria-hidden" in p or ('role="img"' in p and "<title>" in p) for p in pictures)
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))

"""Each honest look-alike shares what its name promises, and nothing that it does not."""

import re
from collections import Counter, defaultdict

import numpy as np
import pytest

from iolaus.core.errors import ConfigError
from iolaus.worlds.benign import LEAST, populations
from iolaus.worlds.corpora import _asked, _by_subject
from iolaus.worlds.grammar import Grammar
from iolaus.worlds.model import DAY, HOUR, Account, Cohort, Rows, Tokens
from iolaus.worlds.network import Network
from iolaus.worlds.people import Stage, around, parts
from iolaus.worlds.wording import write

RELEASE = 20.0 * DAY


def _stage() -> Stage:
    stage = Stage(5, 45.0 * DAY, Network(), Grammar(), ("mailinator.com", "yopmail.com"))
    stage.released = (RELEASE,)
    return stage


@pytest.fixture(scope="module")
def built() -> tuple[Stage, dict[str, Cohort]]:
    stage = _stage()
    mix = populations("lookalikes")
    return stage, mix.build(stage, 1_500, lambda name: np.random.default_rng([7, *name.encode()]))


def _said(stage: Stage, accounts: list[Account], each: int = 12) -> list[list[str]]:
    """Prompts of every account, `each` of them."""
    slot = np.repeat(np.arange(len(accounts)), each)
    sequence = np.tile(np.arange(each), len(accounts))
    rows = Rows(slot, slot * 0.0, sequence, slot * 0 - 1, sequence // 4)
    prompts, _ = write(stage, accounts, rows, np.random.default_rng(1))
    return [prompts[n * each : (n + 1) * each] for n in range(len(accounts))]


def _groups(accounts: list[Account], by: str) -> list[list[Account]]:
    found: dict[object, list[Account]] = defaultdict(list)
    for account in accounts:
        found[getattr(account, by)].append(account)
    return sorted(found.values(), key=len, reverse=True)


def _nets(accounts: list[Account]) -> set[str]:
    return {a.ip.rsplit(".", 1)[0] for account in accounts for a in account.addresses}


def test_both_mixes_hold_every_population_and_all_accounts() -> None:
    for name in ("ordinary", "lookalikes"):
        mix = populations(name)
        assert sum(share for _, share in mix.table.values()) == pytest.approx(1.0)
        for count in (mix.least, 100, 3_000, 100_000):
            sizes = mix.sizes(count)
            assert sum(sizes.values()) == count and min(sizes.values()) >= LEAST
    people = ("web_user", "developer", "framework_user")
    assert sum(populations("lookalikes").sizes(3_000)[p] for p in people) < 600
    with pytest.raises(ConfigError, match="no mix of populations 'odd'"):
        populations("odd")


def test_parts_grow_in_number_and_stay_within_their_size() -> None:
    rng = np.random.default_rng(0)
    for count, number in ((3, 1), (60, 1), (600, 12), (6_000, 120)):
        sizes = parts(count, 50, 120, rng)
        assert sum(sizes) == count and len(sizes) == number
        assert min(sizes) >= 3 and max(sizes) <= 120
    assert len(set(parts(6_000, 50, 120, rng))) > 20


def test_there_are_several_of_each_crowd(built: tuple[Stage, dict[str, Cohort]]) -> None:
    _, cohorts = built
    classes = _groups(cohorts["class"].accounts, "email_domain")
    assert len(classes) >= 2 and classes[0][0].addresses[0] != classes[1][0].addresses[0]
    assert len({a.end for a in cohorts["hackathon"].accounts}) >= 1
    venues = {a.signup_ip for a in cohorts["hackathon"].accounts}
    assert len(venues) == len(parts(len(cohorts["hackathon"].accounts), 45, 250, _rng()))
    assert len({a.organization_id for a in cohorts["synthetic_data_job"].accounts}) >= 2


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_settings_differ_inside_a_population(built: tuple[Stage, dict[str, Cohort]]) -> None:
    _, cohorts = built
    for name in ("reseller", "annotator", "framework_user", "evaluator", "enterprise"):
        settings = {(a.tokens.limit, a.tokens.temperature) for a in cohorts[name].accounts}
        assert len(settings) > 3, name
        assert len({round(a.tokens.output) for a in cohorts[name].accounts}) > 10, name
    usual = Tokens(limit=(), stream=1.0)
    assert around(usual, _rng()).limit == () and around(usual, _rng()).temperature is None


def test_a_person_keeps_to_subjects_of_their_own() -> None:
    grammar, rng = Grammar(), np.random.default_rng(2)

    def topics(taste: int) -> Counter[str]:
        texts = grammar.draw("library", 400, rng, np.full(400, taste))
        return Counter(texts)

    one, again, other, everybody = topics(3), topics(3), topics(4), topics(0)
    top = [t for t, _ in one.most_common(2)]
    assert top == [t for t, _ in again.most_common(2)] and top != list(other)[:2]
    assert one.most_common(1)[0][1] > 3 * everybody.most_common(1)[0][1]


def test_small_company_shares_mail_card_and_office_undeclared(
    built: tuple[Stage, dict[str, Cohort]],
) -> None:
    firms = _groups(built[1]["small_company"].accounts, "email_domain")
    assert len(firms) >= 5
    for firm in firms:
        assert {a.organization_id for a in firm} == {None} == {a.legal_name for a in firm}
        assert Counter(a.payment for a in firm).most_common(1)[0][1] >= 0.5 * len(firm)
        assert len({a.addresses[0].ip.rsplit(".", 1)[0] for a in firm}) == 1


def test_agency_pays_for_clients_with_products_of_their_own(
    built: tuple[Stage, dict[str, Cohort]],
) -> None:
    agencies = _groups(built[1]["agency"].accounts, "payment")
    assert max(map(len, agencies)) >= 3
    for clients in agencies:
        assert len({a.email_domain for a in clients}) == len(clients)
        assert len({a.voice.systems for a in clients}) == len(clients)


def test_lab_asks_for_reasoning_under_an_education_programme(
    built: tuple[Stage, dict[str, Cohort]],
) -> None:
    stage, cohorts = built
    for lab in _groups(cohorts["lab"].accounts, "email_domain"):
        assert {a.program for a in lab} == {"education"} and lab[0].email_domain.endswith(".edu")
        assert len(_nets([lab[0]]) & _nets([lab[-1]])) >= 1
    said = _said(stage, cohorts["lab"].accounts)
    asks = re.compile("step|reason|chain of thought|explain", re.I)
    assert np.mean([bool(asks.search(p)) for row in said for p in row]) > 0.4
    assert any(a.tokens.choices > 1 for a in cohorts["lab"].accounts)


def test_graders_of_one_firm_use_one_rubric_and_homes_of_their_own(
    built: tuple[Stage, dict[str, Cohort]],
) -> None:
    stage, cohorts = built
    firm = _groups(cohorts["annotator"].accounts, "email_domain")[0]
    heads = {p[:60] for row in _said(stage, firm) for p in row}
    assert len(heads) == 1
    assert {a.legal_name for a in firm} != {None} and len({a.legal_name for a in firm}) == 1
    holders = Counter(net for a in firm for net in _nets([a]))
    assert max(holders.values()) <= 2


def test_customers_of_a_vendor_share_its_gateway_only(
    built: tuple[Stage, dict[str, Cohort]],
) -> None:
    accounts = built[1]["aggregator_customer"].accounts
    assert {a.channel for a in accounts} == {"aggregator"}
    vendor = max(_groups(accounts, "signup_ip"), key=len)
    assert len(_nets(vendor)) == 1 and len({a.clients[0] for a in vendor}) == 1
    assert len({a.payment for a in accounts}) == len(accounts)
    assert len({a.voice.taste for a in accounts}) == len(accounts)


def test_prompt_pack_is_one_long_instruction_of_strangers(
    built: tuple[Stage, dict[str, Cohort]],
) -> None:
    stage, cohorts = built
    accounts = cohorts["prompt_pack"].accounts
    said = _said(stage, accounts)
    systems = [str(a.voice.systems[0]) for a in accounts]
    asked = [
        any("reason" in text and len(text) > 200 for text in [*row, system])
        for row, system in zip(said, systems, strict=True)
    ]
    assert np.mean(asked) > 0.75
    holders = Counter(net for a in accounts for net in _nets([a]))
    assert max(holders.values()) <= 3
    assert len({a.device for a in accounts if a.device}) > 0.85 * len(accounts)


def test_flash_crowd_signs_up_within_hours_and_takes_the_new_model_at_once(
    built: tuple[Stage, dict[str, Cohort]],
) -> None:
    accounts = built[1]["flash_crowd"].accounts
    created = np.sort([a.created for a in accounts])
    assert np.quantile(created, 0.9) - created[0] < 16 * HOUR
    assert np.median([a.adoption for a in accounts]) < 1.5 * HOUR
    assert np.mean([a.end < a.start + 3 * DAY for a in accounts]) > 0.4
    assert len({a.country for a in accounts}) > 8


def test_a_crowd_may_come_with_a_release() -> None:
    stage, make = _stage(), populations("lookalikes").table["flash_crowd"][0]
    firsts = [
        min(a.created for a in make(stage, 20, np.random.default_rng(seed)).accounts)
        for seed in range(12)
    ]
    near = [abs(first - RELEASE) < 6 * HOUR for first in firsts]
    assert any(near) and not all(near)


def test_course_sends_the_same_exercises_in_the_same_order(
    built: tuple[Stage, dict[str, Cohort]],
) -> None:
    stage, cohorts = built
    accounts = cohorts["course"].accounts
    same = [a for a in accounts if a.voice.kinds[0] == accounts[0].voice.kinds[0]]
    said = _said(stage, same, each=15)
    common = Counter(p for row in said for p in set(row))
    order = [p for p, n in common.most_common(3) if n > len(same) / 2]
    assert len(order) >= 2
    paths = {tuple(sorted(order, key=row.index)) for row in said if set(order) <= set(row)}
    assert len(paths) == 1
    assert max(Counter(net for a in same for net in _nets([a])).values()) <= 2


def test_shop_opens_accounts_that_strangers_use(built: tuple[Stage, dict[str, Cohort]]) -> None:
    accounts = built[1]["shop_account"].accounts
    assert len({a.device for a in accounts}) < len(accounts) / 4
    assert len({a.payment for a in accounts}) < len(accounts) / 2
    created = np.sort([a.created for a in accounts])
    assert np.min(created[9:] - created[:-9]) < DAY
    assert max(Counter(net for a in accounts for net in _nets([a])).values()) <= 2
    assert all(a.start >= a.created for a in accounts)


def test_stolen_cards_are_all_that_their_users_share(
    built: tuple[Stage, dict[str, Cohort]],
) -> None:
    accounts = built[1]["stolen_card"].accounts
    assert 2 <= max(Counter(a.payment for a in accounts).values()) <= 6
    assert np.mean([a.billing_country != a.country for a in accounts]) > 0.6
    assert len({a.device for a in accounts if a.device}) > 0.8 * len(accounts)
    assert max(Counter(net for a in accounts for net in _nets([a])).values()) <= 2


def test_most_enterprises_move_to_a_release_together() -> None:
    make = populations("lookalikes").table["enterprise"][0]
    firms = _groups(make(_stage(), 800, _rng()).accounts, "organization_id")
    near = [
        np.mean([a.adoption < min(b.adoption for b in firm) + 6 * HOUR for a in firm])
        for firm in firms
    ]
    assert len(firms) == 20 and 10 <= sum(n > 0.9 for n in near) < 20


def test_some_evaluators_stand_behind_one_vpn(built: tuple[Stage, dict[str, Cohort]]) -> None:
    accounts = built[1]["evaluator"].accounts
    shared = Counter(a.addresses[0].ip for a in accounts).most_common(1)[0][1]
    assert 0.1 * len(accounts) < shared < 0.5 * len(accounts)


def test_a_job_is_dealt_out_without_sending_a_task_twice() -> None:
    make = populations("lookalikes").table["synthetic_data_job"][0]
    for seed in range(20):
        stage = _stage()
        job = make(stage, 4, np.random.default_rng(seed)).accounts
        if job[0].voice.kinds[0].startswith("job"):
            break
    sent = [stage.kinds[job[0].voice.kinds[0]](rows, _rng()) for rows in _turns(len(job), 100)]
    texts = [text for turn in sent for text in turn]
    assert len(set(texts)) > 0.98 * len(texts)  # the grammar repeats itself now and then


def _turns(accounts: int, each: int) -> list[Rows]:
    slot = np.arange(accounts) + 17  # wherever they stand among a world's accounts
    zero = slot * 0
    return [Rows(slot, zero * 1.0, zero + n, zero - 1, zero) for n in range(each)]


def test_a_product_behind_a_reseller_is_on_all_of_its_accounts() -> None:
    make = populations("lookalikes").table["reseller"][0]
    stage, shares = _stage(), []
    for seed in range(4):
        pool = make(stage, 30, np.random.default_rng(seed)).accounts
        shares.append({k for k in pool[0].voice.kinds if k.startswith("resold")})
        assert all(a.voice.kinds == pool[0].voice.kinds for a in pool)
    assert any(shares) and not all(len(s) == len(shares[0]) for s in shares)


def test_real_questions_of_a_person_come_from_a_few_neighbourhoods() -> None:
    texts = [
        f"what is the {w} number {n}" for n in range(300) for w in ("comet", "violin", "tax", "elm")
    ]
    pool = _by_subject(texts)
    ordered = [texts[i].split()[3] for i in pool[1]]
    assert sorted(ordered) == ordered  # by their telling word
    everybody = _asked(pool, "chat", 2_000, _rng(), np.zeros(2_000, np.int64))
    one = _asked(pool, "chat", 2_000, _rng(), np.full(2_000, 9))
    assert len(set(one)) < 0.75 * len(set(everybody))
    again = _asked(pool, "chat", 2_000, np.random.default_rng(8), np.full(2_000, 9))
    often = [{t for t, _ in Counter(texts).most_common(60)} for texts in (one, again)]
    assert len(often[0] & often[1]) > 30  # their own, whatever is drawn

"""Each population does what its name promises, and the campaign what makes it one."""

from collections import Counter, defaultdict

from small_worlds import Small


def _share(values: list, least: int) -> float:
    """Share of values that at least `least` of the rows have."""
    counts = Counter(values)
    return sum(n for n in counts.values() if n >= least) / len(values)


def test_framework_users_share_wording_and_client_but_no_network(long_world: Small) -> None:
    rows = long_world.sent("framework_user")
    used = Counter(r["system_prompt"] for r in rows)
    assert len(used) == 3 and used.most_common(1)[0][0].startswith("You are OpenAgent")
    holders = defaultdict(set)
    for row in rows:
        holders[row["client_ip"].rsplit(".", 1)[0]].add(row["account_id"])
    assert max(map(len, holders.values())) <= 3  # a /24 met by chance, no more
    cards = [
        a["payment_fingerprint"]
        for a in long_world.of("framework_user")
        if a["payment_fingerprint"]
    ]
    assert _share(cards, 2) < 0.1


def test_class_shares_mail_week_prompts_and_campus(long_world: Small) -> None:
    members = long_world.of("class")
    assert len({a["email_domain"] for a in members}) == 1
    created = [a["created_at"] for a in members]
    assert (max(created) - min(created)).days <= 7
    rows = long_world.sent("class")
    assert _share([r["client_ip"].rsplit(".", 1)[0] for r in rows], 30) > 0.5
    assert _share([r["prompt"] for r in rows], 2) > 0.2


def test_nat_is_shared_by_strangers(long_world: Small) -> None:
    for population in ("campus_nat", "carrier_nat"):
        rows = long_world.sent(population)
        holders = defaultdict(set)
        for row in rows:
            holders[row["client_ip"]].add(row["account_id"])
        assert max(map(len, holders.values())) >= 5
        prompts = Counter(r["prompt"] for r in rows if len(r["prompt"]) > 60)
        assert sum(n > 1 for n in prompts.values()) <= 0.02 * len(prompts)


def test_enterprise_declares_itself(long_world: Small) -> None:
    for account in long_world.of("enterprise"):
        assert account["organization_id"] and account["legal_name"]
        assert account["verification"] == "contract"
    assert len({r["client_ip"] for r in long_world.sent("enterprise")}) <= 12


def test_vpn_users_are_seen_elsewhere(long_world: Small) -> None:
    billed = {a["account_id"]: a["billing_country"] for a in long_world.of("vpn_user")}
    rows = long_world.sent("vpn_user")
    assert sum(r["country"] != billed[r["account_id"]] for r in rows) > 0.4 * len(rows)


def test_families_share_a_card(long_world: Small) -> None:
    cards = Counter(a["payment_fingerprint"] for a in long_world.of("family"))
    assert max(cards.values()) in range(2, 6)


def test_evaluators_send_the_same_items_alone(long_world: Small) -> None:
    rows = long_world.sent("evaluator")
    holders = defaultdict(set)
    for row in rows:
        holders[row["prompt"]].add(row["account_id"])
    assert max(map(len, holders.values())) >= 2
    assert all(row["conversation_id"] is None for row in rows)


def test_declared_synthetic_job_looks_like_harvest(long_world: Small) -> None:
    rows = long_world.sent("synthetic_data_job")
    assert {r["choice_count"] for r in rows} == {4}
    assert len({r["organization_id"] for r in rows}) == 1


def test_hackathon_is_one_venue_in_two_days(long_world: Small) -> None:
    rows = long_world.sent("hackathon")
    ts = [r["ts"] for r in rows]
    assert (max(ts) - min(ts)).total_seconds() <= 48 * 3600
    assert (
        Counter(r["client_ip"].rsplit(".", 1)[0] for r in rows).most_common(1)[0][1] > len(rows) / 2
    )


def test_volume_has_a_heavy_tail(long_world: Small) -> None:
    counts = sorted(Counter(r["account_id"] for r in long_world.sent("developer")).values())
    tenth = counts[-max(1, len(counts) // 10) :]
    assert sum(tenth) > 0.3 * sum(counts)


def test_queue_is_split_without_overlap(long_world: Small) -> None:
    """Only failures repeat, and those through another account."""
    rows = [r for r in long_world.sent("campaign") if len(r["prompt"]) > 150]
    holders = defaultdict(list)
    for row in rows:
        holders[row["prompt"]].append(row)
    repeated = [same for same in holders.values() if len(same) > 1]
    assert len(repeated) < 0.03 * len(holders)
    assert sum(r["status"] != 200 for r in rows) > 0


def test_campaign_shares_in_part_only(long_world: Small) -> None:
    members = long_world.of("campaign")
    for column in ("payment_fingerprint", "device_fingerprint"):
        shared = _share([a[column] for a in members], 2)
        assert 0.1 < shared < 1, column
    assert len({a["billing_country"] for a in members}) > 5
    assert {a["organization_id"] for a in members} == {None}


def test_campaign_is_balanced_and_lasts(long_world: Small) -> None:
    rows = long_world.sent("campaign")
    assert len(rows) == 15 * 1_150
    days = Counter(r["ts"].date() for r in rows)
    assert len(days) >= 40
    hours = Counter(r["ts"].hour for r in rows)
    assert min(hours.values()) > 0.5 * max(hours.values())  # round the clock


def test_spike_is_four_each_within_days(spike_world: Small) -> None:
    rows = spike_world.sent("campaign")
    assert len(rows) == 600
    counts = Counter(r["account_id"] for r in rows)
    assert len(counts) > 130 and max(counts.values()) < 20
    ts = [r["ts"] for r in rows]
    assert (max(ts) - min(ts)).total_seconds() <= 2 * 86_400
    created = [a["created_at"] for a in spike_world.of("campaign")]
    assert (max(created) - min(created)).total_seconds() <= 4 * 86_400


def test_every_country_has_honest_users(long_world: Small) -> None:
    honest = {t["country"] for t in long_world.truth.values() if t["campaign_id"] is None}
    assert {"CN", "IN", "BR", "US", "DE", "RU", "NG"} <= honest and len(honest) >= 25

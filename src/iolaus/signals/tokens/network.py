"""network: the addresses that requests and the sign-up came from.

An address belongs to someone else tomorrow, so an address counts per day; a sign-up's does not.
"""

from iolaus.signals.tokens.kinds import BY_KIND

NETWORKS_TODAY = """
SELECT account, network_of(client_ip) AS network, sum(exchanges)::BIGINT AS exchanges
FROM addresses_today GROUP BY account, network_of(client_ip)
"""
# Addresses of a day, and their networks, that several accounts came from: account, kind, value,
# day, exchanges. In: addresses_today, networks_today. Whoever else comes on another day shares
# nothing with these.
DAY = f"""
WITH held AS (
    SELECT account, 'ip_day' AS kind, client_ip AS place, exchanges
    FROM addresses_today SEMI JOIN (
        SELECT client_ip FROM addresses_today GROUP BY client_ip
        HAVING min(account) <> max(account)
    ) USING (client_ip)
    UNION ALL
    SELECT account, 'network_day', network, exchanges
    FROM networks_today SEMI JOIN (
        SELECT network FROM networks_today GROUP BY network HAVING min(account) <> max(account)
    ) USING (network)
)
SELECT account, kind, text_hash(concat_ws('|', place, $day)) AS value, $day AS day, exchanges
FROM held ORDER BY {BY_KIND}, value, account
"""
DAILY = "SELECT account, 'network' AS family, kind, value, day, exchanges FROM network_days"
SQL = """
SELECT account, 'network' AS family, 'signup_ip' AS kind, text_hash(signup_ip) AS value,
       CAST(first_seen AS DATE) AS day, 1 AS exchanges
FROM accounts WHERE signup_ip IS NOT NULL
"""

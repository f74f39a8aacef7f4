"""network: the addresses that requests and the sign-up came from.

An address belongs to someone else tomorrow, so an address counts per day; a sign-up's does not.
"""

SQL = """
SELECT account, 'network' AS family, 'ip_day' AS kind,
       text_hash(concat_ws('|', client_ip, day)) AS value, day, exchanges
FROM address_days
UNION ALL
SELECT account, 'network', 'network_day',
       text_hash(concat_ws('|', network_of(client_ip), day)), day, sum(exchanges)::BIGINT
FROM address_days GROUP BY account, network_of(client_ip), day
UNION ALL
SELECT account, 'network', 'signup_ip', text_hash(signup_ip), CAST(first_seen AS DATE), 1
FROM accounts WHERE signup_ip IS NOT NULL
"""

"""device: what the account was opened with, and the software that its requests show."""

# Client software of a day: account, value, day, exchanges. In: software_today.
SOFTWARE_DAYS = """
SELECT account, text_hash(concat_ws('|', tls_fingerprint, user_agent)) AS value, $day AS day,
       exchanges
FROM software_today WHERE tls_fingerprint IS NOT NULL ORDER BY account, value, exchanges
"""
DAILY = """
SELECT account, 'device' AS family, 'client_software' AS kind, value, day, exchanges
FROM software_days
"""
SQL = """
SELECT account, 'device' AS family, 'device' AS kind,
       text_hash(device_fingerprint) AS value, CAST(first_seen AS DATE) AS day, 1 AS exchanges
FROM accounts WHERE device_fingerprint IS NOT NULL
"""

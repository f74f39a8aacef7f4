"""device: what the account was opened with, and the software that its requests show."""

SQL = """
SELECT account, 'device' AS family, 'device' AS kind,
       text_hash(device_fingerprint) AS value, CAST(first_seen AS DATE) AS day, 1 AS exchanges
FROM accounts WHERE device_fingerprint IS NOT NULL
UNION ALL
SELECT account, 'device', 'client_software', text_hash(software), day, exchanges
FROM (
    SELECT account, concat_ws('|', tls_fingerprint, user_agent) AS software, day, exchanges
    FROM software_days
)
"""

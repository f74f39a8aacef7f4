"""device: what the account was opened with, and the software that its requests show."""

SQL = """
SELECT account, 'device' AS family, 'device' AS kind,
       text_hash(device_fingerprint) AS value, CAST(first_seen AS DATE) AS day, 1 AS exchanges
FROM accounts WHERE device_fingerprint IS NOT NULL
UNION ALL
SELECT account, 'device', 'client_software', text_hash(software), day, exchanges
FROM (
    SELECT account, concat_ws('|', tls_fingerprint, user_agent) AS software,
           CAST(ts AS DATE) AS day, count(*) AS exchanges
    FROM features JOIN accounts USING (account_id)
    WHERE tls_fingerprint IS NOT NULL AND user_agent IS NOT NULL
    GROUP BY ALL
)
"""

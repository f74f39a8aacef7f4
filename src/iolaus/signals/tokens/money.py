"""money: what pays for the account."""

SQL = """
SELECT account, 'money' AS family, 'payment' AS kind,
       text_hash(payment_fingerprint) AS value, CAST(first_seen AS DATE) AS day, 1 AS exchanges
FROM accounts WHERE payment_fingerprint IS NOT NULL
"""

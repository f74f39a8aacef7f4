"""registration: accounts that were opened alike, in one burst."""

# Bucket widths: an hour catches a script, a day catches hands (or a script that waits).
SQL = """
SELECT account, 'registration' AS family, kind, text_hash(bucket) AS value,
       CAST(first_seen AS DATE) AS day, 1 AS exchanges
FROM (
    SELECT account, first_seen, 'signup_hour' AS kind,
           concat_ws('|', time_text(date_trunc('hour', created_at)), email_domain, plan,
                     verification) AS bucket
    FROM accounts WHERE created_at IS NOT NULL
    UNION ALL
    SELECT account, first_seen, 'signup_day',
           concat_ws('|', CAST(created_at AS DATE), email_domain, plan, verification)
    FROM accounts WHERE created_at IS NOT NULL AND email_domain IS NOT NULL
)
UNION ALL
SELECT account, 'registration', 'email', text_hash(email_hash), CAST(first_seen AS DATE), 1
FROM accounts WHERE email_hash IS NOT NULL
"""

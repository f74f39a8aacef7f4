"""Facts about addresses, mail domains and clients, offline, from files that the user has."""

from iolaus.logs.enrichment.enrich import (
    ACCOUNT_FACTS,
    EXCHANGE_FACTS,
    Enrichment,
    Tally,
    account_tally,
    compile_files,
    enrich,
    enrich_accounts,
)
from iolaus.logs.enrichment.files import CsvFile, EnrichmentFiles, FileReport

__all__ = [
    "ACCOUNT_FACTS",
    "EXCHANGE_FACTS",
    "CsvFile",
    "Enrichment",
    "EnrichmentFiles",
    "FileReport",
    "Tally",
    "account_tally",
    "compile_files",
    "enrich",
    "enrich_accounts",
]

"""An opened log with what identifies it: which of its files are new, and what rows of it mean."""

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from iolaus import __version__
from iolaus.app.forecast import refuse_without_text
from iolaus.app.progress import Reporter
from iolaus.app.settings import Settings
from iolaus.app.state import Ledger, ReadFile, State
from iolaus.core.errors import InputError
from iolaus.core.threads import in_order
from iolaus.logs import Log, LogFile, exchange_files, open_log
from iolaus.logs.enrichment import Enrichment, EnrichmentFiles, compile_files
from iolaus.signals.text.embeddings import model_files


@dataclass(frozen=True)
class Source:
    """An opened log: all of its files, or those that a state does not know.

    digests: name and SHA-256 of every input. fresh: files to be read, as far as they are known
    before that, by name. known: files that an earlier run read, those that are gone too. log: has
    the fresh files open. meaning: what rows mean besides the files (release, settings, model).
    embeddings: the model that makes content codes, as in Settings. enrichment: the compiled files
    of [enrichment]; None without any. note: why nothing of the state could be used, if so.
    """

    path: Path
    log: Log
    digests: tuple[tuple[str, str], ...]
    fresh: Mapping[str, ReadFile]
    known: Mapping[str, ReadFile]
    gone: frozenset[str]
    meaning: Mapping[str, object]
    embeddings: str = ""
    enrichment: Enrichment | None = None
    assume_utc: bool = False
    note: str = ""
    mapping: Path | None = None

    def key(self, settings: Settings) -> str:
        """What a run's stages depend on."""
        parts = [__version__, self.digests, sorted(settings.as_dict().items())]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def prompts(
        self, files: Mapping[int, str], places: Sequence[tuple[int, int]]
    ) -> list[str | None]:
        """Prompts at (source_file, source_row); None where there is none, or no file any more.

        files: the name of each source_file.
        """
        asked = {files[number] for number, _ in places} - self.gone
        log = open_log(self.path, assume_utc=self.assume_utc, mapping=self.mapping, only=asked)
        index = {file.name: place for place, file in enumerate(log.files)}
        there = [(index[files[n]], row) for n, row in places if files[n] in index]
        found = dict(zip(there, log.excerpts(there), strict=True))
        return [found.get((index.get(files[n], -1), row)) for n, row in places]


def open_source(
    path: Path,
    settings: Settings,
    report: Reporter,
    state: State | None = None,
    mapping: Path | None = None,
    *,
    threads: int = 1,
    forget_gone: bool = False,
) -> Source:
    """Open a log, find the embedding model and compile the enrichment files if there are any, and
    digest the files that `state` does not know, `threads` at a time. mapping: a mapping file, in
    place of the log's own. forget_gone: what the state has of files that are no longer there does
    not count. Raises InputError where the state cannot be used."""
    ledger = state.ledger if state is not None else Ledger()
    named = settings.enrichment != EnrichmentFiles()
    enrichment = compile_files(settings.enrichment) if named else None
    listed = {file.name: file for file in exchange_files(path)}
    if forget_gone:
        there = {name: file for name, file in ledger.files.items() if name in listed}
        ledger = replace(ledger, files=there)
    log = _open(path, settings, ledger, listed, mapping)
    refuse_without_text(log, settings)
    other = _inputs(log, settings, enrichment)
    meaning = _meaning(log, settings, other)
    note = ""
    if ledger.files and (why := _changed(ledger.meaning, meaning)):
        _refuse_lost(path, why, set(ledger.files) - set(listed))
        note = f"all days are made again: {why} changed"
        ledger = Ledger()
        log = _open(path, settings, ledger, listed, mapping)
    fresh, known = _told(ledger, listed, report, threads)
    gone = frozenset(set(known) - set(listed))
    digests = {file.name: file.sha256 for file in (*known.values(), *fresh.values())} | other
    return Source(
        path=path,
        log=log,
        digests=tuple(sorted(digests.items())),
        fresh=fresh,
        known=known,
        gone=gone,
        meaning=meaning,
        embeddings=settings.embeddings,
        enrichment=enrichment,
        assume_utc=settings.assume_utc,
        note=note,
        mapping=mapping,
    )


def _open(
    path: Path,
    settings: Settings,
    ledger: Ledger,
    listed: Mapping[str, LogFile],
    mapping: Path | None,
) -> Log:
    """The log with the files open that the ledger does not know; all of them without a ledger."""
    if not ledger.files:
        return open_log(path, assume_utc=settings.assume_utc, mapping=mapping)
    other = {name for name, file in listed.items() if not _same(ledger.files.get(name), file)}
    return open_log(path, assume_utc=settings.assume_utc, mapping=mapping, only=other)


def _same(before: ReadFile | None, now: LogFile) -> bool:
    return before is not None and (before.size, before.changed) == (now.size, _changed_at(now))


def _changed_at(file: LogFile) -> int:
    """When the file was changed, in microseconds since 1970 (object stores tell no nanoseconds)."""
    return int(file.path.stat().st_mtime * 1_000_000)


def _inputs(log: Log, settings: Settings, enrichment: Enrichment | None) -> dict[str, str]:
    """Name and SHA-256 of every input that is no exchange file."""
    models = model_files(settings.embeddings) if settings.embeddings else {}
    found = {file.name: file.digest() for file in log.other_files}
    for name, path in models.items():
        found[f"embeddings/{name}"] = LogFile(path, name, path.stat().st_size).digest()
    for file in enrichment.reports if enrichment is not None else ():
        found[f"enrichment/{file.used_as}/{file.path.name}"] = file.sha256
    return found


def _meaning(log: Log, settings: Settings, inputs: Mapping[str, str]) -> dict[str, object]:
    """What rows of the same bytes mean, in words that an error can show."""
    tables = ("accounts", "releases", "enforcement")  # read whole by every run
    files = sorted([name, sha] for name, sha in inputs.items() if not name.startswith(tables))
    return {
        "the release": __version__,
        "the kind of log": "store" if log.is_store else "files",
        "the setting assume_utc": settings.assume_utc,
        "the setting embeddings": settings.embeddings,
        "the mapping, a model or an enrichment file": files,
    }


def _changed(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    return " and ".join(name for name in now if before.get(name) != now[name])


def _refuse_lost(path: Path, why: str, gone: Set[str]) -> None:
    if gone:
        raise InputError(
            f"{why} changed, so every day must be made again, and {len(gone):,} files of the log "
            f"are gone ({min(gone)}).",
            where=str(path),
            next_step="Put them back, run as before, or begin a new state directory without them.",
        )


def _told(
    ledger: Ledger, listed: Mapping[str, LogFile], report: Reporter, threads: int
) -> tuple[dict[str, ReadFile], dict[str, ReadFile]]:
    """The files to be read, and those that were (some under another name, some gone by now)."""
    known = {n: f for n, f in ledger.files.items() if n not in listed or _same(f, listed[n])}
    other = [file for name, file in sorted(listed.items()) if name not in known]
    gone = {file.sha256: name for name, file in known.items() if name not in listed}
    number = 1 + max((file.number for file in ledger.files.values()), default=-1)
    fresh = {}
    digests = in_order(LogFile.digest, other, threads)  # hashlib gives the GIL away
    report("digest", 0, len(other))
    for done, (file, sha256) in enumerate(zip(other, digests, strict=True), start=1):
        report("digest", done, len(other))
        now = ReadFile(file.name, file.size, _changed_at(file), sha256, number)
        before = ledger.files.get(file.name)
        if sha256 in gone:
            known[file.name] = _renamed(known.pop(gone.pop(sha256)), now)
        elif before is not None and before.sha256 == sha256:
            known[file.name] = _renamed(before, now)
        elif before is not None:
            fresh[file.name] = replace(now, number=before.number)
        else:
            fresh[file.name] = now
            number += 1
    return fresh, known


def _renamed(before: ReadFile, now: ReadFile) -> ReadFile:
    """The same content under what may be another name."""
    return replace(before, name=now.name, size=now.size, changed=now.changed)

"""features: one row per exchange with all that later stages need, and no text."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from iolaus.core.tables import FEATURES, TEXT_FEATURES
from iolaus.signals.identity import exchange_hashes
from iolaus.signals.text import text_features


def features(batches: Iterable[pa.RecordBatch], threads: int) -> Iterator[pa.RecordBatch]:
    """Turn batches of exchanges (core EXCHANGES and SOURCE) into batches of core FEATURES.

    Runs `threads` batches at a time (the kernel holds no lock); keeps their order, and holds at
    most `threads` + 1 batches of text.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[pa.RecordBatch]] = deque()
        for batch in batches:
            waiting.append(pool.submit(features_of, batch))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def features_of(batch: pa.RecordBatch) -> pa.RecordBatch:
    """One batch of exchanges to one batch of features."""
    text = text_features(batch["prompt"], batch["system_prompt"])
    ids = pa.array(exchange_hashes(batch["exchange_id"]))
    columns = [
        ids if name == "exchange_hash" else (text if name in TEXT_FEATURES.names else batch)[name]
        for name in FEATURES.names
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FEATURES)

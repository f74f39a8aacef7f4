"""Loaded by a LiteLLM proxy from beside its configuration: who calls, and the log as JSON lines.

LiteLLM hands every callback its StandardLoggingPayload; this one appends it to the file named in
IOLAUS_TEST_PAYLOADS. Without a database LiteLLM knows no keys, so the key itself says who calls:
`sk-ACCOUNT-ORGANISATION`.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any

from fastapi import Request
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import UserAPIKeyAuth

LOCK = threading.Lock()


async def who_calls(request: Request, api_key: str) -> UserAPIKeyAuth:
    """The account and organisation that the key names."""
    _, account, organization = api_key.split("-")
    return UserAPIKeyAuth(
        api_key=api_key,
        key_alias=f"key-of-{account}",
        user_id=account,
        org_id=organization,
        team_id=f"team-of-{organization}",
    )


class PayloadFile(CustomLogger):  # type: ignore[misc]
    """Appends each StandardLoggingPayload as one line."""

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        _append(kwargs)

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        _append(kwargs)


def _append(kwargs: dict[str, Any]) -> None:
    line = json.dumps(kwargs["standard_logging_object"], default=str)
    with LOCK, Path(os.environ["IOLAUS_TEST_PAYLOADS"]).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


payload_file = PayloadFile()

"""How log lines look. Everything is logged through the standard library's loggers, or structlog's."""

import logging
import sys
from typing import cast

import structlog
from structlog.types import Processor

from app.settings import Settings


def configure_logging(settings: Settings) -> None:
    """Send what LOG_LEVEL lets through to standard error, as LOG_FORMAT says."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    # Plain tracebacks: the default prints local variables, and tokens and passwords among them.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    render = structlog.processors.JSONRenderer() if as_json else console
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        last.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[*last, cast(Processor, render)]
        )
    )
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    # Not at DEBUG either: uvicorn then writes out every frame of a WebSocket, and the first one carries the token.
    for chatty in ("httpx", "httpcore", "websockets", "tortoise", "asyncio", "uvicorn", "uvicorn.error"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLogger().level))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )

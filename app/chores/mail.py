"""Handing a mail to the mail server of SMTP_URL, within half a minute.

What is raised says nothing of what the server said: it is shown to all who may see the task, and servers repeat addresses.
"""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import structlog
from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 30.0
QUIT_SECONDS = 2.0
FOR_GOOD = 500
"""From this code on, a server's answer would be the same another time."""

log = structlog.get_logger(__name__)


class MailNotSent(Exception):
    """The mail server took it from nobody; it may at another time."""


class MailRefused(Exception):
    """The mail server does not take this mail, now or ever."""


@dataclass(frozen=True)
class Refused:
    """Receivers for whom the server did not take a mail that it took for others: `later` it may."""

    for_good: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over."""

    host: str
    port: int
    tls: bool
    """From the start; otherwise the connection turns to TLS when the server can."""
    username: str | None = None
    password: str | None = None

    @classmethod
    def of(cls, url: str) -> "MailServer":
        """The server that an SMTP_URL names."""
        parts = urlsplit(url)
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname or "localhost",
            port=parts.port or (465 if tls else 25),
            tls=tls,
            username=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
        )

    @property
    def must_turn_to_tls(self) -> bool:
        """A password never goes over a network in the clear."""
        return self.username is not None and not self.tls and not _is_here(self.host)


async def hand_over(
    server: MailServer, message: EmailMessage, sender: str, receivers: Sequence[str]
) -> Refused:
    """Have the server take the message for these receivers. Raises `MailNotSent`, or `MailRefused`."""
    client = SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        use_tls=server.tls,
        start_tls=None if not server.must_turn_to_tls and not server.tls else not server.tls,
        local_hostname=socket.gethostname(),
        timeout=WHOLE_SECONDS,
    )
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            await client.connect(timeout=CONNECT_SECONDS)
            errors, _ = await client.send_message(message, sender=sender, recipients=list(receivers))
    except (SMTPException, OSError, TimeoutError) as error:
        client.close()
        log.warning("mail was not sent", server=server.host, error=str(error) or type(error).__name__)
        raise _explained(error) from None
    except BaseException:
        client.close()
        raise
    with suppress(
        SMTPException, OSError, TimeoutError
    ):  # it has the mail: whatever comes now, it is not sent again
        await client.quit(timeout=QUIT_SECONDS)
    client.close()
    if errors:
        log.warning("mail was not sent to all", server=server.host, refused=errors)
    return Refused(
        for_good=tuple(address for address, answer in errors.items() if answer.code >= FOR_GOOD),
        later=tuple(address for address, answer in errors.items() if answer.code < FOR_GOOD),
    )


def _explained(error: BaseException) -> Exception:
    match error:
        case SMTPRecipientsRefused():
            codes = sorted({each.code for each in error.recipients})
            listed = ", ".join(map(str, codes))
            if codes and codes[0] >= FOR_GOOD:
                return MailRefused(
                    f"The mail server refused all {len(error.recipients)} receivers for good: {listed}."
                )
            return MailNotSent(f"The mail server refused all {len(error.recipients)} receivers: {listed}.")
        case SMTPAuthenticationError():
            return MailNotSent(f"The mail server does not let us in with what SMTP_URL says: {error.code}.")
        case SMTPConnectResponseError() | SMTPHeloError():
            return MailNotSent(f"The mail server does not want to talk to us: {error.code}.")
        case SMTPResponseException() if error.code >= FOR_GOOD:
            return MailRefused(f"The mail server refused the mail for good: {error.code}.")
        case SMTPResponseException():
            return MailNotSent(f"The mail server did not take the mail: {error.code}.")
        case _ if _is_about_a_certificate(error):
            return MailNotSent(
                "The mail server's certificate is signed by nobody that we trust, or is another's."
            )
        case TimeoutError():
            return MailNotSent("The mail server took too long.")
    return MailNotSent(f"The mail server could not be reached, or hung up: {type(error).__name__}.")


def _is_about_a_certificate(error: BaseException | None) -> bool:
    return error is not None and (
        isinstance(error, ssl.SSLCertVerificationError) or _is_about_a_certificate(error.__cause__)
    )


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

"""A real mail server for tests, which keeps what it is sent, and refuses what it is told to refuse."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.models import Task, TaskState, WorkRequest
from tests.tasks_yard import LIMIT, until

ENDED = (TaskState.DONE, TaskState.REJECTED)


@dataclass
class Letter:
    """One mail as the server took it: `sender` and `receivers` are those of the envelope."""

    message: EmailMessage
    sender: str
    receivers: list[str]
    encrypted: bool

    def header(self, name: str) -> str:
        return str(self.message[name])

    @property
    def body(self) -> str:
        return str(self.message.get_content())


@dataclass
class Postbox:
    """What the server took, and how it behaves."""

    port: int = 0
    letters: list[Letter] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Receiver → what the server answers instead of taking the mail for it."""
    answer: str | None = None
    """What it answers to each mail instead of taking it."""
    afterthought: str | None = None
    """What it answers to each mail although it has taken it: as when its word is lost."""
    logins: list[str] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def subjects(self) -> list[str]:
        return [letter.header("Subject") for letter in self.letters]

    async def handle_EHLO(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, host: str, answers: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = host
        return answers

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer is not None:
            return self.answer
        message = message_from_bytes(cast(bytes, envelope.content), policy=default)
        self.letters.append(
            Letter(
                message,
                str(envelope.mail_from),
                list(envelope.rcpt_tos),
                encrypted=server.transport.get_extra_info("sslcontext") is not None,
            )
        )
        return self.afterthought or "250 OK"

    def authenticate(
        self, server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Lets in whoever says `yard`, `s@cret`."""
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"s@cret" and data.login == b"yard", handled=False)


@asynccontextmanager
async def run_mail_server(
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    login: bool = False,
    postbox: Postbox | None = None,
) -> AsyncIterator[Postbox]:
    """A mail server on this machine, until the block ends: TLS from the start, after STARTTLS, or not at all."""
    box = postbox or Postbox()
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(
            box,
            hostname="mail.test",
            loop=loop,
            tls_context=starttls,
            authenticator=box.authenticate if login else None,
            auth_required=login and starttls is not None,
            auth_require_tls=starttls is not None,
        )

    server = await loop.create_server(session, "127.0.0.1", port, ssl=tls)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


async def mail_tasks(request: WorkRequest) -> list[Task]:
    """The tasks that were to mail word of a request, in their order."""
    return await Task.filter(queue_name="mail", rel_obj_id=str(request.id)).order_by("id")


async def mailed(request: WorkRequest, limit: float = 2 * LIMIT) -> list[Task]:
    """The tasks that were to mail word of a request, once all of them have ended."""

    async def ended() -> bool:
        return all(task.state in ENDED for task in await mail_tasks(request))

    await until(ended, limit)
    return await mail_tasks(request)


@pytest.fixture
async def postbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Postbox]:
    """A mail server that takes everything, and that SMTP_URL names."""
    async with run_mail_server() as box:
        monkeypatch.setenv("SMTP_URL", box.url)
        yield box

"""Mail, over the server of DOGDRIVER_SMTP; never without TLS, except to this machine itself."""

import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

import aiosmtplib

from dogdriver.errors import Refused, Unavailable
from dogdriver.model.notify import Route
from dogdriver.notify.delivery import Delivery, Sender, World
from dogdriver.settings import MAIL

TIMEOUT = 20.0  # seconds for each step
PORTS = {"smtp": 587, "smtps": 465}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PERMANENT = 500  # replies from there on are final, of the address or of the message


async def send(delivery: Delivery, world: World) -> dict[str, object]:
    if world.smtp is None or world.smtp_from is None:
        raise Unavailable("no mail server is set; set DOGDRIVER_SMTP and DOGDRIVER_SMTP_FROM")
    server = urlsplit(world.smtp.reveal())
    host, tls = server.hostname or "", server.scheme == "smtps"
    try:
        _, said = await aiosmtplib.send(
            mail(delivery, world.smtp_from),
            hostname=host,
            port=server.port or PORTS[server.scheme],
            username=unquote(server.username) if server.username else None,
            password=unquote(server.password) if server.password else None,
            use_tls=tls,
            start_tls=None if tls or host in LOOPBACK else True,
            tls_context=ssl.create_default_context(),
            timeout=TIMEOUT,
        )
    except aiosmtplib.SMTPAuthenticationError as error:
        raise Unavailable(f"the mail server {host} refuses user and password ({error.code})") from None
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        raise _failed(host, f"refuses {delivery.route.to}", first.code) from None
    except (aiosmtplib.SMTPTimeoutError, aiosmtplib.SMTPServerDisconnected):
        raise Unavailable(f"the mail server {host} did not answer to the end", unsure=True) from None
    except aiosmtplib.SMTPConnectError:
        raise Unavailable(f"the mail server {host} cannot be reached") from None
    except aiosmtplib.SMTPResponseException as error:
        raise _failed(host, "refuses the mail", error.code) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        if "STARTTLS" in str(error):
            raise Unavailable(
                f"the mail server {host} offers no STARTTLS, and mail is not sent without TLS; use smtps:// or another "
                "server"
            ) from None
        raise Unavailable(f"the mail server {host}: {type(error).__name__}") from None
    return {"status": said}


def _failed(host: str, what: str, code: int) -> Unavailable | Refused:
    text = f"the mail server {host} {what} ({code})"
    return Refused(text) if code >= PERMANENT else Unavailable(text)


def mail(delivery: Delivery, sender: str) -> EmailMessage:
    """Its Message-ID is the notification's own, so that a mailbox knows it again."""
    document = delivery.document
    message = EmailMessage()
    message["Subject"] = " ".join(delivery.title.split())
    message["From"], message["To"] = sender, delivery.route.to
    message["Date"] = format_datetime(delivery.at)
    message["Message-ID"] = f"<{delivery.identity}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [document["sentence"] or "", "", *delivery.changes, "", document["link"] or ""]
    message.set_content("\n".join(lines).strip() + "\n")
    return message


def check(route: Route) -> None:
    if not MAIL.fullmatch(route.to or ""):
        raise ValueError("`to` must be one address of mail, such as team@example.org")


SENDER = Sender("email", send, needs=(("to",),), check=check)

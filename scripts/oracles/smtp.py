"""A mail server (aiosmtpd) that does what an address says, for tests.

    smtp.py FOLDER [--port N] [--starttls | --tls] [--cert FILE --key FILE] [--auth USER:PASSWORD] [--silent]

Prints its port. Mail that it has taken lies in FOLDER: a file for each, and a line of JSON in FOLDER/log; FOLDER/begun has a line
for each mail whose text came in, whatever is said to it then. What it does is in the address, before the @:

    refused           550 to the address
    later-N           451 to the address, the first N times (later-always: each time)
    closing-N         421 to the address and no more conversation, the first N times
    badcontent        554 to the mail
    busy-N            451 to the mail, the first N times
    drop-N            hangs up without an answer to the mail, which it has not taken, the first N times
    lost-N            takes the mail, and hangs up without saying so, the first N times
    slow-MS           answers to the mail after so many milliseconds

With --silent it takes connections and says nothing. An empty file FOLDER/down makes it refuse every MAIL with 421.
"""

import argparse
import asyncio
import json
import pathlib
import re
import ssl
import sys
import time

from aiosmtpd.smtp import SMTP, AuthResult

arguments = argparse.ArgumentParser()
arguments.add_argument("folder", type=pathlib.Path)
arguments.add_argument("--port", type=int, default=0)
arguments.add_argument("--starttls", action="store_true")
arguments.add_argument("--tls", action="store_true")
arguments.add_argument("--cert")
arguments.add_argument("--key")
arguments.add_argument("--auth")
arguments.add_argument("--silent", action="store_true")
options = arguments.parse_args()

times = {}
taken = 0


def still(address, name):
    """Whether an address that says NAME-N says so for this time."""
    found = re.match(rf"{name}-(\d+|always)(?:[.+].*)?@", address)
    if not found:
        return False
    if found[1] == "always":
        return True
    times[name, address] = times.get((name, address), 0) + 1
    return times[name, address] <= int(found[1])


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        if (options.folder / "down").exists():
            server.transport.write(b"421 4.3.2 Closing for a while\r\n")
            server.transport.close()
            return "421 4.3.2 Closing for a while"
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("refused"):
            return f"550 5.1.1 <{address}>: no such user"
        if still(address, "later"):
            return "451 4.7.1 Greylisted, come back later"
        if still(address, "closing"):
            server.transport.write(b"421 4.3.2 Too many connections\r\n")
            server.transport.close()
            return "421 4.3.2 Too many connections"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        global taken
        for address in envelope.rcpt_tos:
            if address.startswith("badcontent"):
                return "554 5.7.1 This looks like spam"
            if still(address, "busy"):
                return "451 4.3.0 Try again"
            if still(address, "drop"):
                server.transport.abort()
                return "250 never said"
        with open(options.folder / "begun", "a") as begun:
            print(len(envelope.content), file=begun)
        slow = [re.match(r"slow-(\d+)@", address) for address in envelope.rcpt_tos]
        await asyncio.sleep(max((int(found[1]) for found in slow if found), default=0) / 1000)
        taken += 1
        content = envelope.content
        (options.folder / f"{taken}.eml").write_bytes(content)
        head = content.split(b"\r\n\r\n", 1)[0].decode()
        head = re.sub(r"\r\n[ \t]+", " ", head)
        fields = dict(re.findall(r"^([\w-]+): (.*?)\r?$", head, re.MULTILINE))
        line = {
            "file": f"{taken}.eml",
            "messageId": fields.get("Message-ID"),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
            "at": time.time(),
        }
        with open(options.folder / "log", "a") as log:
            print(json.dumps(line), file=log)
        if any(still(address, "lost") for address in envelope.rcpt_tos):
            server.transport.abort()
        return f"250 2.0.0 Ok: queued as {taken}"


def authenticate(server, session, envelope, mechanism, data):
    login, password = options.auth.split(":")
    is_known = (data.login.decode(), data.password.decode()) == (login, password)
    return AuthResult(success=is_known, handled=is_known, auth_data=data)


async def main():
    options.folder.mkdir(parents=True, exist_ok=True)
    context = None
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)

    def server():
        return SMTP(
            Handler(),
            hostname="mail.test",
            enable_SMTPUTF8=True,
            tls_context=context if options.starttls else None,
            require_starttls=options.starttls,
            authenticator=authenticate if options.auth else None,
            auth_required=bool(options.auth),
            auth_require_tls=options.starttls,
        )

    async def silent(reader, writer):
        await asyncio.sleep(3600)

    loop = asyncio.get_running_loop()
    implicit = context if options.tls else None
    if options.silent:
        listening = await asyncio.start_server(silent, "127.0.0.1", options.port)
    else:
        listening = await loop.create_server(server, "127.0.0.1", options.port, ssl=implicit)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())

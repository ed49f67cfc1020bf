"""A real ngircd, with its demo's configuration: a message is a line, as IRCv3 has it."""

import asyncio
import contextlib

import websockets

from harness.raw import BINARY, TEXT, frame
from harness.services import needs

pytestmark = needs("ngircd", "ngircd")

SUBPROTOCOL = "text.ircv3.net"


class User:
    """Somebody on the server. `seen` are all messages that came."""

    def __init__(self, socket, nick):
        self.socket, self.nick, self.seen = socket, nick, []

    async def say(self, line):
        await self.socket.send(line)

    async def read_until(self, part):
        """The first message that holds the part."""
        while True:
            message = await asyncio.wait_for(self.socket.recv(), 15)
            self.seen.append(message)
            if part in message:
                return message


@contextlib.asynccontextmanager
async def user(front, nick):
    async with websockets.connect(front.url("/irc"), subprotocols=[SUBPROTOCOL]) as socket:
        assert socket.subprotocol == SUBPROTOCOL
        one = User(socket, nick)
        await one.say(f"NICK {nick}")
        await one.say(f"USER {nick} 0 * :{nick}")
        await one.read_until(f" 001 {nick} ")
        await one.say("JOIN #demo")
        await one.read_until(f" 366 {nick} ")
        yield one


async def test_users_in_a_channel_hear_each_other(real):
    _, front = real("irc")
    async with user(front, "anna") as anna, user(front, "bert") as bert:
        await anna.read_until("bert")
        await anna.say("PRIVMSG #demo :Grüße, 世界")
        heard = await bert.read_until("PRIVMSG")
        assert heard.startswith(":anna!") and heard.endswith("PRIVMSG #demo :Grüße, 世界")
        await bert.say("PRIVMSG anna :for you alone")
        assert (await anna.read_until("PRIVMSG")).endswith("PRIVMSG anna :for you alone")
        for message in anna.seen + bert.seen:
            assert isinstance(message, str)
            assert message and "\r" not in message and "\n" not in message


async def test_quitting_ends_with_a_last_line_and_a_close(real):
    _, front = real("irc")
    async with user(front, "anna") as anna:
        await anna.say("QUIT :bye")
        assert (await anna.read_until("ERROR")).startswith("ERROR :")
        await asyncio.wait_for(anna.socket.wait_closed(), 10)
        assert anna.socket.close_code == 1000


def test_line_in_a_message_cannot_smuggle_a_second_command(real, raw):
    _, front = real("irc")
    client = raw(front.port)
    client.open("/irc", fields=[("Sec-WebSocket-Protocol", SUBPROTOCOL)])
    client.send_frame(TEXT, b"NICK anna\r\nQUIT :smuggled")
    assert client.read_to_close()[1] == 1007


def test_line_in_fragments_is_one_line(real, raw):
    _, front = real("irc")
    client = raw(front.port)
    client.open("/irc", fields=[("Sec-WebSocket-Protocol", SUBPROTOCOL)])
    client.send(frame(TEXT, b"PI", fin=False) + frame(0, b"NG :a ", fin=False)
                + frame(0, b"token"))
    client.send_frame(TEXT, b"NICK anna")
    client.send_frame(BINARY, b"USER anna 0 * :anna")
    while b" 376 " not in (got := client.read_frame()).payload:
        assert got.opcode == TEXT and got.fin
    client.send(frame(TEXT, b"PI", fin=False) + frame(0, b"NG :a ", fin=False)
                + frame(0, b"token"))
    assert client.read_frame().payload.endswith(b"PONG irc.demo.invalid :a token")

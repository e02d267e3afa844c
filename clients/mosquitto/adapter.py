"""An adapter for the commands mosquitto_pub and mosquitto_sub, on clients/desk.py. What a command publishes or subscribes to
stands on its command line, so `part` chooses the command. It connects again by itself and tells neither that nor Session
Present, so what it opens waits at a door on loopback until it is led to the broker; then its bytes pass both ways.
"""

import asyncio
import contextlib
import json
import re
import signal
import sys
from subprocess import PIPE, STDOUT, run

sys.path.append(sys.path[0] + "/..")  # Where desk.py is.
from desk import Desk, require

PART = {"topic": "-t", "topic_filter": "-t", "qos": "-q", "retain": "-r"}
CONNECT = {"keep_alive": "-k", "user_name": "-u", "password": "-P", "session_expiry_interval": "-x",
           "receive_maximum": "-D connect receive-maximum", "maximum_packet_size": "-D connect maximum-packet-size",
           "topic_alias_maximum": "-D connect topic-alias-maximum", "client_identifier": "-i"}
WILL = {"topic": "--will-topic", "payload": "--will-payload", "qos": "--will-qos", "retain": "--will-retain"}
# Correlation Data is not told as it came: it ends at its first zero byte.
PROPERTIES = ("payload-format-indicator", "message-expiry-interval", "content-type", "response-topic", "user-properties",
              "subscription-identifier")


def words(options, fields):
    """What says these fields on a command line. A flag has no value."""
    for name, value in fields.items():
        require(name in options and not isinstance(value, dict) and "\0" not in str(value), f"this `{name}`")
    there = [(options[name].split(), value) for name, value in fields.items() if value is not False]
    return [word for option, value in there for word in option + ([] if value is True else [str(value)])]


async def carry(source, sink):
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            sink.write(data)
    sink.close()


class Adapter(Desk):
    def __init__(self):
        usage = run(["mosquitto_sub", "--help"], stdout=PIPE, text=True, check=False).stdout
        version = re.search(r"version (\S+)", usage).group(1)
        super().__init__(name="mosquitto_pub and mosquitto_sub", version=version, mqtt=["3.1.1", "5.0"], needs_part=True)
        self.command = self.words = self.granted = None
        self.unsent, self.lines = [], []  # Numbers of what was published, and what of it waits for a connection.
        self.ends, self.present = [], False  # Of the connection that passes the door, and Session Present in its CONNACK.
        self.gave_up = False  # The command has ended, with messages that its session had under way.

    def do_part(self, number, publishes=(), subscribes=()):
        require(len(publishes) + len(subscribes) < 2, "more than messages of one topic, QoS and RETAIN, or one SUBSCRIBE")
        self.message = {"topic": "nothing", "qos": 0, "retain": False, **(publishes[0] if publishes else {})}
        self.filters = subscribes[0].pop("subscriptions") if subscribes else []
        require(not any(subscribes) and len({one["qos"] for one in self.filters}) < 2, "options, or several QoS in SUBSCRIBE")
        named = [word for one in self.filters for word in words(PART, one)]
        self.part = ["-F", "+%x %j", *named] if self.filters else ["-l", *words(PART, self.message)]
        self.say(id=number, outcome="done")

    def do_connect(self, number, host, port, mqtt, client_identifier, clean_start, will={}, user_properties=(), **fields):
        who = ["-V", "5" if mqtt == "5.0" else "311", *words(CONNECT, {"client_identifier": client_identifier})]
        said = [*who, *["-c"] * (not clean_start), *self.part, *words(CONNECT, fields), *words(WILL, will)]
        said += [word for pair in user_properties for word in ("-D", "connect", "user-property", *pair)]
        goes_on = self.command and not clean_start and self.words[:len(who)] == who
        require(fields["keep_alive"] >= 5, "a Keep Alive below 5 s")
        require(clean_start or not self.gave_up, "a session that ended with the command")
        require(not goes_on or said == self.words or not (self.filters or self.waiting), "other options in one session")
        if clean_start:
            self.give_up("the session was begun anew")
        if self.command and not (goes_on and said == self.words):
            self.command = self.command.kill()
        self.words, self.granted, self.waiting["connect"] = said, None, (number, False)
        asyncio.create_task(self.reach(host, port))

    def do_publish(self, number, topic, payload, qos, retain=False):
        require(not self.filters and self.message == dict(topic=topic, qos=qos, retain=retain), "another kind of message")
        require(isinstance(payload, str) and payload and not {"\n", "\0"} & set(payload), "what is no line of text")
        self.unsent.append(number)
        self.lines.append(payload.encode() + b"\n")
        self.go_on()

    def do_subscribe(self, number, subscriptions):
        require(subscriptions == self.filters, "other subscriptions than the client's part has")
        self.waiting["subscribe"] = (number, False)
        self.go_on()

    def do_disconnect(self, number, reason=0):
        # mosquitto_pub ends normally with its input. mosquitto_sub, ended by a signal, says in 5.0 that the will is wanted.
        require(reason == 4 and self.words[1] == "5" if self.filters else reason == 0, "another DISCONNECT")
        self.waiting["disconnect"] = (number, False)
        self.go_on()

    def go_on(self):
        """Without a connection mosquitto_pub gives up at a line; before SUBACK a signal ends mosquitto_sub at once."""
        if self.live and not any(end.is_closing() for end in self.ends):
            self.command.stdin.writelines(self.lines)
            self.lines = []
        if self.granted:
            self.answer("subscribe", "done", reasons=self.granted)
        if "disconnect" in self.waiting and not self.filters:
            self.command.stdin.close()
        elif "disconnect" in self.waiting and self.granted:
            self.command.send_signal(signal.SIGTERM)

    def close(self):
        for end in self.ends:
            end.close()

    async def reach(self, host, port):
        """Leads a connection of the command to the broker."""
        try:
            broker, to_broker = await asyncio.open_connection(host, port)
        except OSError as error:
            return self.answer("connect", "lost", why=str(error))
        if not self.command:
            knocks = self.knocks = asyncio.Queue()
            door = await asyncio.start_server(lambda *ends: knocks.put_nowait(ends), "127.0.0.1", 0)
            said = ["stdbuf", "-oL", "mosquitto_sub" if self.filters else "mosquitto_pub", "-d", *self.words]
            said += ["-h", "127.0.0.1", "-p", str(door.sockets[0].getsockname()[1])]
            self.command = await asyncio.create_subprocess_exec(*said, stdin=PIPE, stdout=PIPE, stderr=STDOUT, limit=1 << 22)
            asyncio.create_task(self.listen(self.command, door))
        client, to_client = await self.knocks.get()
        while not self.knocks.empty():  # The command gave up an older one.
            client, to_client = self.knocks.get_nowait()
        self.ends, head = [to_client, to_broker], b""
        asyncio.create_task(carry(client, to_broker))
        with contextlib.suppress(OSError):
            head = await broker.read(65536)
        self.present = len(head) > 3 and bool(head[3 if head[1] & 0x80 else 2] & 1)
        to_client.write(head)
        await carry(broker, to_client)
        if not head:
            self.ended("the connection ended before CONNACK")

    async def listen(self, command, door, why="the command ended"):
        while (line := await command.stdout.readline()) and command is self.command:
            why = self.heard(line.decode(errors="replace").strip()) or why
        door.close()
        await command.wait()
        if command is self.command:
            self.command = None
            self.ended(why)
            self.give_up(why)

    def give_up(self, why):
        """The command gives up the messages that it had."""
        self.gave_up = bool(self.waiting) and "-c" in self.words
        for number in self.unsent:
            self.say(id=number, outcome="lost", why=why)
        self.unsent, self.lines = [], []
        self.lose(True, why)

    def heard(self, line):
        """What the command tells; given back where it is an error."""
        told = re.match(r"(?:Client .*? )?((?:sending|received|Received) [A-Z]+|Subscribed)(.*)", line)
        what, rest = told.groups() if told else ("", "")
        numbers = [int(number) for number in re.findall(r"\d+", rest)]
        if line.startswith("+"):
            self.delivered(*line[1:].split(" ", 1))
        elif what == "received CONNACK":
            self.connack(numbers[0], self.present)
            self.go_on()
        elif what == "sending CONNECT" and self.live:
            self.ended("the connection was lost")  # Nothing more comes of it.
        elif what == "sending PUBLISH" and numbers[0] == 0:  # DUP; then QoS, RETAIN and the packet identifier.
            self.waiting[numbers[3]] = (self.unsent.pop(0), True)
            if numbers[1] == 0:
                self.answer(numbers[3], "done")
        elif what in ("received PUBACK", "received PUBCOMP"):
            self.answer(numbers[0], "done", reasons=numbers[1:])
        elif what == "Subscribed":
            self.granted = numbers[1:]
            self.go_on()
        elif what == "sending DISCONNECT":
            self.answer("disconnect", "done")
        elif what == "Received DISCONNECT":
            self.ended("the server disconnected", numbers[0])
            self.command.kill()  # It neither ends nor connects again by itself.
        elif not line.startswith("Client "):
            return line

    def delivered(self, payload, told):
        message = dict(json.loads(told, object_pairs_hook=list))
        properties = {name.replace("-", "_"): value for name, value in message.get("properties", []) if name in PROPERTIES}
        if "subscription_identifier" in properties:
            properties["subscription_identifiers"] = [properties.pop("subscription_identifier")]
        self.say(event="delivered", topic=message["topic"], payload={"hex": payload}, qos=message["qos"],
                 retain=bool(message["retain"]), properties=properties)


async def main():
    adapter, lines = Adapter(), asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        adapter.take(json.loads(line))


asyncio.run(main())

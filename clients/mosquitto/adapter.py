"""An adapter for the commands mosquitto_pub and mosquitto_sub: JSON lines on standard input and output, as clients/README.md
says. What a command publishes or subscribes to stands on its command line, so `part` chooses the command. It connects again by
itself and tells neither that nor Session Present, so its bytes pass through a door. The parameters of `do_…` are the options
that there are.
"""

import asyncio
import json
import re
import signal
import subprocess
import sys

from door import Door

PROPERTIES = ("payload-format-indicator", "message-expiry-interval", "content-type", "response-topic", "user-properties")
NOTHING = {"topic": "nothing", "qos": 0}  # What is said of a client that neither publishes nor subscribes.


def text(value):
    if isinstance(value, dict) or "\0" in str(value):
        raise NotImplementedError("bytes that cannot stand on a command line")
    return str(value)


def last_will(topic, payload, qos, retain=False):
    words = ["--will-topic", topic, "--will-payload", text(payload), "--will-qos", str(qos)]
    return words + ["--will-retain"] * retain


class Adapter:
    def __init__(self):
        self.message, self.filters = NOTHING, []
        self.command = self.words = self.whose = self.granted = None
        self.waiting = {}  # Numbers of operations: by name, or by packet identifier where they outlive the connection.
        self.lines = []  # What was published and waits for a connection.
        self.gave_up = False  # The command has ended, with messages that its session had under way.
        self.door, self.unsent, self.live, self.why = Door(), [], False, "the command ended"

    def say(self, **line):
        print(json.dumps(line), flush=True)

    def answer(self, what, outcome, **more):
        if what in self.waiting:
            self.say(id=self.waiting.pop(what), outcome=outcome, **more)

    def do_hello(self, protocol):
        usage = subprocess.run(["mosquitto_sub", "--help"], stdout=subprocess.PIPE, check=False).stdout.decode()
        self.answer("hello", "hello", protocol=1, name="mosquitto_pub and mosquitto_sub", mqtt=["3.1.1", "5.0"],
                    version=re.search(r"version (\S+)", usage).group(1), needs_part=True)

    def do_part(self, publishes=(), subscribes=()):
        filters = subscribes[0]["subscriptions"] if subscribes else []
        if len(publishes) + len(subscribes) > 1:
            raise NotImplementedError("more from one client than messages of one topic, QoS and RETAIN, or one SUBSCRIBE")
        if len({one["qos"] for one in filters}) > 1 or any(len(one) > 2 for one in filters) or any(len(one) > 1 for one in subscribes):
            raise NotImplementedError("options in SUBSCRIBE, or several QoS")
        self.message, self.filters = publishes[0] if publishes else NOTHING, filters
        self.answer("part", "done")

    def do_connect(self, host, port, mqtt, client_identifier, clean_start, keep_alive, will=None, user_name=None, password=None,
                session_expiry_interval=None, receive_maximum=None, maximum_packet_size=None, topic_alias_maximum=None,
                user_properties=()):
        if self.live:
            return self.answer("connect", "failed", why="there is a connection")
        if keep_alive < 5:
            raise NotImplementedError("a Keep Alive below 5 s")
        if self.gave_up and not clean_start:
            raise NotImplementedError("a session that ended with the command")
        options = {"-i": client_identifier, "-k": keep_alive, "-u": user_name, "-P": password, "-x": session_expiry_interval}
        limits = {"receive-maximum": receive_maximum, "maximum-packet-size": maximum_packet_size,
                  "topic-alias-maximum": topic_alias_maximum}
        words = ["-V", "5" if mqtt == "5.0" else "311"] + ["-c"] * (not clean_start)
        words += [word for one in self.filters for word in ("-t", one["topic_filter"], "-q", str(one["qos"]))]
        words += ["-F", "+%x %j"] if self.filters else ["-l", "-t", self.message["topic"], "-q", str(self.message["qos"])]
        words += ["-r"] * self.message.get("retain", False)
        words += [word for option, value in options.items() if value is not None for word in (option, text(value))]
        words += [word for pair in limits.items() if pair[1] is not None for word in ("-D", "connect", pair[0], str(pair[1]))]
        words += [word for pair in user_properties for word in ("-D", "connect", "user-property", *pair)]
        words += last_will(**will) if will else []
        is_kept = not clean_start and self.whose == (client_identifier, mqtt) and self.is_running()
        if is_kept and words != self.words and (self.filters or any(isinstance(what, int) for what in self.waiting)):
            raise NotImplementedError("other options where a session is resumed")
        is_kept = is_kept and words == self.words
        if clean_start:
            self.lose("the session was begun anew")
        self.words, self.whose, self.granted = words, (client_identifier, mqtt), None
        asyncio.create_task(self.reach(host, port, is_kept))

    def do_publish(self, topic, payload, qos, retain=False):
        if self.filters or {"retain": False, **self.message} != {"topic": topic, "qos": qos, "retain": retain}:
            raise NotImplementedError("another message than the client's part has")
        if isinstance(payload, dict) or not payload or "\n" in payload or "\0" in payload:
            raise NotImplementedError("a payload that is no line of text")
        self.unsent.append(self.waiting.pop("publish"))
        self.lines.append(payload.encode() + b"\n")
        self.write()

    def write(self):
        """Without a connection the command would give up at the next line, so lines wait for one."""
        if self.live and self.door.ends:
            self.command.stdin.writelines(self.lines)
            self.lines = []

    def do_subscribe(self, subscriptions):
        if subscriptions != self.filters:
            raise NotImplementedError("other subscriptions than the client's part has")
        if self.granted:  # SUBACK came before the question.
            self.answer("subscribe", "done", reasons=self.granted)

    def do_disconnect(self, reason=0):
        # mosquitto_pub ends normally with its input. mosquitto_sub, when it is stopped, says in 5.0 that the will is wanted.
        if reason != (4 if self.filters else 0) or (self.filters and "311" in self.words):
            raise NotImplementedError("another DISCONNECT than the command sends")
        if not self.live:
            return self.answer("disconnect", "lost", why="there is no connection")
        if not self.filters:
            self.command.stdin.close()
        elif self.granted:  # Before SUBACK the signal would end it at once.
            self.command.send_signal(signal.SIGTERM)

    def do_drop(self):
        self.door.close()
        self.answer("drop", "done")

    def do_stop(self):
        self.answer("stop", "done")
        sys.exit(0)

    async def reach(self, host, port, is_kept):
        try:
            broker, to_broker = await asyncio.open_connection(host, port)
        except OSError as error:
            return self.answer("connect", "lost", why=str(error))
        if not is_kept:
            await self.start()
        if not await self.door.lead(broker, to_broker):
            self.over("the connection ended before CONNACK")

    def is_running(self):
        return self.command is not None and self.command.returncode is None

    async def start(self):
        if self.is_running():
            self.command.kill()
        self.command, self.why, self.door = None, "the command ended", Door()
        words = ["stdbuf", "-oL", "mosquitto_sub" if self.filters else "mosquitto_pub", "-d", *self.words]
        words += ["-h", "127.0.0.1", "-p", str(await self.door.open())]
        pipe = asyncio.subprocess.PIPE
        self.command = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, limit=1 << 22)
        asyncio.create_task(self.listen(self.command))

    async def listen(self, command):
        while line := await command.stdout.readline():
            self.heard(line.decode(errors="replace").strip())
        await command.wait()
        if command is self.command:
            self.over(self.why)
            self.lose(self.why)

    def lose(self, why):
        """The command gives up the messages that it had."""
        under_way = [self.waiting.pop(mid) for mid in list(self.waiting) if isinstance(mid, int)]
        self.gave_up = bool(under_way) and "-c" in self.words
        for number in self.unsent + under_way:
            self.say(id=number, outcome="lost", why=why)
        self.unsent, self.lines = [], []

    def over(self, why, reason=None):
        """The connection is over."""
        self.door.close()
        for what in ("connect", "subscribe", "disconnect"):
            self.answer(what, "lost", why=why)
        if self.live:
            self.live = False
            self.say(event="ended", why=why, reason=reason)

    def heard(self, line):
        def says(pattern):
            return re.match("Client .* " + pattern, line)

        if line.startswith("+"):
            self.delivered(*line[1:].split(" ", 1))
        elif found := says(r"received CONNACK \((\d+)\)"):
            reason = int(found.group(1))
            if reason:
                return self.answer("connect", "refused", reason=reason)
            self.live = True
            self.say(event="connected", session_present=self.door.present)
            self.answer("connect", "connected", reason=0, session_present=self.door.present)
            self.write()
        elif self.live and says("sending CONNECT"):
            self.over("the connection was lost")  # Nothing more comes of it.
        elif found := says(r"sending PUBLISH \(d0, q(\d), r\d, m(\d+)"):
            mid = int(found.group(2))
            self.waiting[mid] = self.unsent.pop(0)
            if found.group(1) == "0":
                self.answer(mid, "done")
        elif found := says(r"received (?:PUBACK|PUBCOMP) \(Mid: (\d+), RC:(\d+)\)"):
            self.answer(int(found.group(1)), "done", reasons=[int(found.group(2))])
        elif found := re.match(r"Subscribed \(mid: \d+\): ([\d, ]+)$", line):
            self.granted = [int(code) for code in found.group(1).split(",")]
            self.answer("subscribe", "done", reasons=self.granted)
            if "disconnect" in self.waiting:
                self.command.send_signal(signal.SIGTERM)
        elif says("sending DISCONNECT"):
            self.answer("disconnect", "done")
        elif found := re.match(r"Received DISCONNECT \((\d+)\)", line):
            self.over("the server disconnected", int(found.group(1)))
            self.command.kill()  # It neither ends nor connects again by itself.
        elif line and not line.startswith("Client "):
            self.why = line

    def delivered(self, payload, told):
        message = dict(json.loads(told, object_pairs_hook=list))
        properties = {}
        for name, value in message.get("properties", []):
            if name in PROPERTIES:  # Correlation Data is not told as it came: it ends at its first zero byte.
                properties[name.replace("-", "_")] = value
            elif name == "subscription-identifier":
                properties["subscription_identifiers"] = [value]
        self.say(event="delivered", topic=message["topic"], payload={"hex": payload}, qos=message["qos"],
                 retain=bool(message["retain"]), properties=properties)


async def main():
    adapter, lines = Adapter(), asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        fields = json.loads(line)
        number, name = fields.pop("id"), fields.pop("do")
        try:
            if not hasattr(adapter, "do_" + name):
                raise NotImplementedError(f"the operation `{name}`")
            if adapter.waiting.setdefault(name, number) != number:
                raise RuntimeError(f"another `{name}` has no answer yet")
            getattr(adapter, "do_" + name)(**fields)
        except Exception as error:
            is_unsupported = isinstance(error, NotImplementedError) or "unexpected keyword argument" in str(error)
            adapter.waiting = {what: other for what, other in adapter.waiting.items() if other != number}
            adapter.say(id=number, **{"outcome": "unsupported", "what": str(error)} if is_unsupported else
                        {"outcome": "failed", "why": str(error)})


asyncio.run(main())

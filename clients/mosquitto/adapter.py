"""An adapter for the commands mosquitto_pub and mosquitto_sub: JSON lines on standard input and output, as clients/README.md
says. Each connection is one run of a command, which knows its topics from the start:

    adapter.py pub QOS TOPIC        adapter.py sub QOS FILTER...

The command does not tell Session Present or the end of its connection, so its bytes pass through here, unchanged.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

ROLE, QOS, TOPICS = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
PUB = ROLE == "pub"
MESSAGE = {"payload-format-indicator": "payload_format_indicator",
           "message-expiry-interval": "message_expiry_interval", "content-type": "content_type",
           "response-topic": "response_topic", "subscription-identifier": "subscription_identifiers",
           "user-properties": "user_properties"}
CONNECT = {"receive_maximum": "receive-maximum", "maximum_packet_size": "maximum-packet-size",
           "topic_alias_maximum": "topic-alias-maximum"}
KNOWN = {
    "hello": {"protocol"},
    "connect": {"host", "port", "mqtt", "client_identifier", "clean_start", "keep_alive", "will", "user_name", "password",
                "session_expiry_interval", "user_properties", *CONNECT},
    "publish": {"topic", "payload", "qos"}, "subscribe": {"subscriptions"}, "disconnect": {"reason"}, "drop": set(), "stop": set(),
}


class Unsupported(Exception):
    pass


def only(fields, known, where):
    for name in fields:
        if name not in known:
            raise Unsupported(f"`{name}` in {where}")


class Adapter:
    def __init__(self):
        self.out = threading.Lock()
        self.lock = threading.RLock()
        self.command = self.connecting = self.reasons = None
        self.live = False
        self.unsent, self.sent, self.subscribing, self.why = [], {}, [], []

    def say(self, **line):
        with self.out:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()

    def answer(self, number, outcome, **more):
        self.say(id=number, outcome=outcome, **more)

    def hello(self, number, _):
        usage = subprocess.run([f"mosquitto_{ROLE}", "--help"], stdout=subprocess.PIPE, check=False).stdout.decode()
        version = re.search(r"version (\S+)", usage).group(1)
        self.answer(number, "hello", protocol=1, name=f"mosquitto_{ROLE}", version=version, mqtt=["3.1.1", "5.0"])

    def connect(self, number, asked):
        if self.live or self.connecting is not None:
            return self.answer(number, "failed", why="there is a connection")
        v5 = self.v5 = asked["mqtt"] == "5.0"
        words = ["stdbuf", "-oL", f"mosquitto_{ROLE}", "-d", "-V", "5" if v5 else "311", "-h", "127.0.0.1",
                 "-i", asked["client_identifier"], "-k", str(asked["keep_alive"]), "-q", str(QOS)]
        words += [] if asked["clean_start"] else ["-c"]
        words += [word for topic in TOPICS for word in ("-t", topic)]
        words += ["-l"] if PUB else ["-F", "+%x %j"]
        if asked["keep_alive"] < 5:
            raise Unsupported("a Keep Alive below 5 s")
        for name, option in (("user_name", "-u"), ("password", "-P"), ("session_expiry_interval", "-x")):
            if name in asked:
                words += [option, self.text(asked[name])]
        for name, theirs in CONNECT.items():
            words += ["-D", "connect", theirs, str(asked[name])] if name in asked else []
        for name, value in asked.get("user_properties", []):
            words += ["-D", "connect", "user-property", name, value]
        if "will" in asked:
            will = asked["will"]
            only(will, {"topic", "payload", "qos", "retain"}, "will")
            words += ["--will-topic", will["topic"], "--will-payload", self.text(will["payload"]), "--will-qos", str(will["qos"])]
            words += ["--will-retain"] if will.get("retain") else []
        try:
            broker = socket.create_connection((asked["host"], asked["port"]), 30)
        except OSError as error:
            return self.answer(number, "lost", why=str(error))
        broker.settimeout(None)
        door = socket.create_server(("127.0.0.1", 0), backlog=1)
        words += ["-p", str(door.getsockname()[1])]
        self.connecting, self.present = number, False
        self.why, self.reasons, self.unsent, self.sent, self.subscribing = [], None, [], {}, []
        self.command = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.listen, args=(self.command,), daemon=True).start()
        threading.Thread(target=self.relay, args=(self.command, door, broker), daemon=True).start()

    def relay(self, command, door, broker):
        client, _ = door.accept()
        door.close()  # It connects once.
        threading.Thread(target=self.carry, args=(command, client, broker), daemon=True).start()
        head = data = broker.recv(65536)
        while data and len(head) < 4:
            data = broker.recv(65536)
            head += data
        if data:  # CONNACK: type, one or two bytes of length, flags.
            self.present = bool(head[3 if head[1] & 0x80 else 2] & 1)
        self.carry(command, broker, client, head)

    def carry(self, command, source, sink, data=None):
        try:
            while data := data or source.recv(65536):
                sink.sendall(data)
                data = None
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if command.poll() is None:
            threading.Timer(0.2, command.kill).start()  # After its last words: it would connect again for ever.

    @staticmethod
    def text(value):
        if isinstance(value, dict) or "\0" in str(value):
            raise Unsupported("bytes that cannot stand on a command line")
        return str(value)

    def publish(self, number, asked):
        payload = asked["payload"]
        if not PUB or [asked["topic"]] != TOPICS or asked["qos"] != QOS:
            raise Unsupported("other messages than the command was started for")
        if isinstance(payload, dict) or not payload or "\n" in payload or "\0" in payload:
            raise Unsupported("a payload that is no line of text")
        if not self.live:
            return self.answer(number, "lost", why="there is no connection")
        self.unsent.append(number)
        self.command.stdin.write(payload.encode() + b"\n")
        self.command.stdin.flush()

    def subscribe(self, number, asked):
        wanted = [one["topic_filter"] for one in asked["subscriptions"]]
        if PUB or wanted != TOPICS or any(set(one) != {"topic_filter", "qos"} or one["qos"] != QOS for one in asked["subscriptions"]):
            raise Unsupported("other subscriptions than the command was started for")
        self.subscribing.append(number)
        self.subscribed()

    def subscribed(self):
        """SUBACK and the question for it come in any order."""
        if self.reasons is not None:
            while self.subscribing:
                self.answer(self.subscribing.pop(), "done", reasons=self.reasons)

    def disconnect(self, number, asked):
        # mosquitto_pub ends normally with its input; mosquitto_sub, when it is stopped, says that the will is wanted.
        if asked.get("reason", 0) != (0 if PUB else 4) or not (PUB or self.v5):
            raise Unsupported("another DISCONNECT than the command sends")
        if not self.live:
            return self.answer(number, "lost", why="there is no connection")
        if PUB:
            self.command.stdin.close()
        else:
            self.command.send_signal(signal.SIGTERM)
        self.answer(number, "done")

    def drop(self, number, _):
        if self.command:
            self.command.kill()
        self.answer(number, "done")

    def stop(self, number, _):
        self.answer(number, "done")
        self.end()

    def end(self):
        if self.command:
            self.command.kill()
        os._exit(0)

    # -- what the command prints --

    def listen(self, command):
        for line in command.stdout:
            with self.lock:
                self.heard(line)
        command.wait()
        with self.lock:
            why = " ".join(self.why) or f"the command ended with {command.returncode}"
            if self.connecting is not None:
                self.answer(self.connecting, "lost", why=why)
                self.connecting = None
            for number in self.subscribing + self.unsent + list(self.sent.values()):
                self.answer(number, "lost", why=why)
            self.subscribing, self.unsent, self.sent = [], [], {}
            if self.live:
                self.live = False
                self.say(event="ended", why=why)

    def heard(self, line):
        if line.startswith(b"+"):
            return self.delivered(line)
        text = line.decode(errors="replace").strip()
        found = re.match(r"Client .* received CONNACK \((\d+)\)", text)
        if found and self.connecting is not None:
            number, self.connecting, reason = self.connecting, None, int(found.group(1))
            if reason:
                return self.answer(number, "refused", reason=reason)
            self.live = True
            self.say(event="connected", session_present=self.present)
            return self.answer(number, "connected", reason=0, session_present=self.present)
        if found := re.match(r"Client .* sending PUBLISH \(d0, q(\d), r\d, m(\d+)", text):
            number = self.unsent.pop(0)
            if found.group(1) == "0":
                return self.answer(number, "done")
            self.sent[found.group(2)] = number
        elif found := re.match(r"Client .* received (?:PUBACK|PUBCOMP) \(Mid: (\d+), RC:(\d+)\)", text):
            self.answer(self.sent.pop(found.group(1)), "done", reasons=[int(found.group(2))])
        elif found := re.match(r"Subscribed \(mid: \d+\): ([\d, ]+)$", text):
            self.reasons = [int(code) for code in found.group(1).split(",")]
            self.subscribed()
        elif not text.startswith("Client ") and text:
            self.why.append(text)

    def delivered(self, line):
        payload, told = line[1:].split(b" ", 1)
        pairs = dict(json.loads(told.decode(errors="replace"), object_pairs_hook=list))
        properties = {}
        for name, value in pairs.get("properties", []):
            if name in MESSAGE:  # The rest is not told as it came: Correlation Data ends at its first zero byte.
                properties[MESSAGE[name]] = [value] if name == "subscription-identifier" else value
        self.say(event="delivered", topic=pairs["topic"], payload={"hex": payload.decode()}, qos=pairs["qos"],
                 retain=bool(pairs["retain"]), properties=properties)


def main():
    adapter = Adapter()
    for text in sys.stdin:
        asked = json.loads(text)
        number, name = asked.pop("id"), asked.pop("do")
        with adapter.lock:
            try:
                if name not in KNOWN:
                    raise Unsupported(f"the operation `{name}`")
                only(asked, KNOWN[name], name)
                getattr(adapter, name)(number, asked)
            except Unsupported as what:
                adapter.answer(number, "unsupported", what=str(what))
            except Exception as error:
                adapter.answer(number, "failed", why=f"{type(error).__name__}: {error}")
    adapter.end()


main()

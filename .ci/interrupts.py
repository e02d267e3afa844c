#!/usr/bin/env python3
"""Stops `squall conform` at random moments and looks at what it leaves in the broker.

Usage: interrupts.py SQUALL mqtt://HOST:PORT COUNT [SEED [SIGNAL...]]    with signals such as TERM INT HUP

Each time: the run is stopped by a signal 0 to 3 s after it has begun to listen for one; it has to end with the exit code
of that signal, within 8 s, with JSON and JUnit XML that can be read; and every retained message that it has left has to
be named on standard error. Sessions that are named are ended here; those that are not show in the broker's own count of disconnected clients, where
it has one ($SYS, as Mosquitto).
"""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import xml.etree.ElementTree

CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGHUP: 129}


def field(data):
    return len(data).to_bytes(2, "big") + data


def packet(first, body):
    length, rest = b"", len(body)
    while True:
        length += bytes([rest & 0x7F | (0x80 if rest > 0x7F else 0)])
        rest >>= 7
        if not rest:
            return bytes([first]) + length + body


class Client:
    """An MQTT 3.1.1 client that can do what is needed here."""

    def __init__(self, address, name, clean=True):
        self.socket = socket.create_connection(address, timeout=5)
        flags = 2 if clean else 0
        body = field(b"MQTT") + bytes([4, flags, 0, 60]) + field(name)
        self.socket.sendall(packet(0x10, body))
        first, body = self.read()
        assert first == 0x20 and body[1] == 0, f"CONNACK {first:#x} {body.hex()}"
        self.session_present = body[0] == 1

    def exactly(self, count):
        data = b""
        while len(data) < count:
            some = self.socket.recv(count - len(data))
            if not some:
                raise EOFError("the broker has closed the connection")
            data += some
        return data

    def read(self):
        first, length, shift = self.exactly(1)[0], 0, 0
        while True:
            byte = self.exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return first, self.exactly(length)

    def retained(self, topic_filter, wait=0.5):
        """Retained messages below a filter: topic and payload. They may come after the SUBACK, so a while is waited."""
        self.socket.sendall(packet(0x82, b"\0\1" + field(topic_filter) + b"\0"))
        found, end = {}, time.monotonic() + wait
        while True:
            self.socket.settimeout(max(0.05, end - time.monotonic()))
            try:
                first, body = self.read()
            except TimeoutError:
                self.socket.settimeout(5)
                return found
            if first & 0xF1 == 0x31:
                size = int.from_bytes(body[:2], "big")
                skip = 2 if first & 6 else 0
                found[body[2 : 2 + size].decode()] = body[2 + size + skip :]

    def clear(self, topic):
        self.socket.sendall(packet(0x31, field(topic.encode())))

    def close(self):
        self.socket.sendall(packet(0xE0, b""))
        self.socket.close()


def look(address):
    """Retained messages that are not the broker's own, and the clients it keeps a session for without a connection."""
    client = Client(address, b"interrupts-look")
    found = client.retained(b"#")
    client.close()
    client = Client(address, b"interrupts-count")
    count = client.retained(b"$SYS/broker/clients/disconnected", 0.3)
    client.close()
    # Mosquitto subtracts all sockets, also those without a CONNECT so far: for a moment it may count less than none.
    return found, next((max(0, int(n)) for n in count.values()), None)


def settle(address, expected):
    """The broker counts once a second: waits until the count is as expected, or has had three seconds for it."""
    end = time.monotonic() + 3
    while True:
        found, sessions = look(address)
        if sessions is None or sessions <= expected or time.monotonic() > end:
            return found, sessions
        time.sleep(0.3)


def listens(process, kind):
    """Waits until a process has a handler for a signal: before that, any program is ended by it, and has done nothing."""
    end = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < end:
        with open(f"/proc/{process.pid}/status") as status:
            caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status.read(), re.M)
        if caught and int(caught[1], 16) >> (kind - 1) & 1:
            return
        time.sleep(0.001)


def main():
    squall, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
    names = sys.argv[5:] or ["TERM", "TERM", "TERM", "INT", "HUP"]
    print(f"seed {seed}, signals {' '.join(names)}")
    choose = random.Random(seed)
    parts = urllib.parse.urlsplit(url)
    address = (parts.hostname, parts.port or 1883)
    before, sessions_before = settle(address, 0)
    assert not before, f"the broker has retained messages already: {sorted(before)}"
    wrong = []
    totals = {"results": 0, "named sessions": 0, "named retained": 0, "unnamed": 0}
    slowest = 0.0
    for number in range(count):
        kind = signal.Signals["SIG" + choose.choice(names)]
        wait = choose.uniform(0, 3)
        with tempfile.TemporaryDirectory() as folder:
            junit = os.path.join(folder, "junit.xml")
            command = [squall, "conform", url, "--format", "json", "--junit", junit]
            out = open(os.path.join(folder, "out"), "w+b")
            err = open(os.path.join(folder, "err"), "w+b")
            process = subprocess.Popen(command, stdout=out, stderr=err)
            listens(process, kind)
            time.sleep(wait)
            done = process.poll() is not None
            process.send_signal(kind) if not done else None
            since = time.monotonic()
            try:
                code = process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            took = time.monotonic() - since
            out.seek(0), err.seek(0)
            said, complaints = out.read(), err.read().decode()
            where = f"{number}: {kind.name} after {wait:.3f} s"
            ended = {CODES[kind]} if not done else {0, 1}
            if code not in ended:
                wrong.append(f"{where}: exit code {code}: {complaints}")
            if not done:
                slowest = max(slowest, took)
                if took > 8:
                    wrong.append(f"{where}: it took {took:.1f} s to end")
            if said:
                totals["results"] += len(json.loads(said)["results"])
                xml.etree.ElementTree.parse(junit)
            elif os.path.exists(junit):
                wrong.append(f"{where}: JUnit XML, but no JSON")
            named_sessions = re.findall(r"^left on .*: session `(.*)` \(MQTT", complaints, re.M)
            named_topics = re.findall(r"^left on .*: retained message on `(.*)`", complaints, re.M)
            totals["named sessions"] += len(named_sessions)
            totals["named retained"] += len(named_topics)
            for name in named_sessions:
                Client(address, name.encode()).close()
            found, sessions = settle(address, sessions_before or 0)
            unnamed = sorted(set(found) - set(named_topics))
            if unnamed:
                totals["unnamed"] += len(unnamed)
                wrong.append(f"{where}: retained messages were left and not named: {unnamed}")
            if sessions is not None and sessions > (sessions_before or 0):
                totals["unnamed"] += sessions - sessions_before
                wrong.append(f"{where}: {sessions - sessions_before} sessions were left and not named")
                sessions_before = sessions
            client = Client(address, b"interrupts-clear")
            for topic in found:
                client.clear(topic)
            client.close()
    print(f"{count} interrupts; {totals}; the slowest ended {slowest:.2f} s after its signal")
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


main()

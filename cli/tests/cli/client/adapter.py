"""A small MQTT 3.1.1 client with an adapter's voice, for tests: QoS 0 and 1. With the word `dup` it sets DUP in every message."""

import json
import socket
import struct
import sys
import threading

DUP = "dup" in sys.argv
lock = threading.Lock()
state = {"socket": None, "id": 0, "waiting": {}}


def say(**line):
    with lock:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def text(value):
    data = value.encode()
    return struct.pack("!H", len(data)) + data


def packet(first, body):
    length, n = b"", len(body)
    while True:
        n, digit = n >> 7, n & 0x7F
        length += bytes([digit | 0x80 if n else digit])
        if not n:
            return bytes([first]) + length + body


def taken(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def read(stream):
    first, length, shift = taken(stream, 1)[0], 0, 0
    while True:
        digit = taken(stream, 1)[0]
        length |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return first, taken(stream, length)


def listen(stream, number):
    connected = False
    try:
        while True:
            first, body = read(stream)
            kind = first >> 4
            if kind == 2:
                connected = True
                say(event="connected", session_present=bool(body[0]))
                say(id=number, outcome="connected", reason=body[1], session_present=bool(body[0]))
            elif kind == 3:
                end = 2 + struct.unpack("!H", body[:2])[0]
                qos, rest = first >> 1 & 3, body[end:]
                if qos:
                    stream.sendall(packet(0x40, rest[:2]))
                    rest = rest[2:]
                say(event="delivered", topic=body[2:end].decode(), payload=rest.decode(), qos=qos, retain=bool(first & 1))
            elif kind in (4, 9):
                say(id=state["waiting"].pop(struct.unpack("!H", body[:2])[0]), outcome="done", reasons=list(body[2:]))
    except OSError as why:
        if connected:
            say(event="ended", why=str(why))
        else:
            say(id=number, outcome="lost", why=str(why))


def fresh(number):
    state["id"] += 1
    state["waiting"][state["id"]] = number
    return struct.pack("!H", state["id"])


def do(number, name, asked):
    if name == "hello":
        return say(id=number, outcome="hello", protocol=1, name="small", version="1", mqtt=["3.1.1"])
    if name == "connect":
        flags = 2 if asked["clean_start"] else 0
        state["socket"] = socket.create_connection((asked["host"], asked["port"]))
        body = text("MQTT") + bytes([4, flags]) + struct.pack("!H", asked["keep_alive"]) + text(asked["client_identifier"])
        state["socket"].sendall(packet(0x10, body))
        return threading.Thread(target=listen, args=(state["socket"], number), daemon=True).start()
    if name == "publish" and asked["qos"] < 2:
        qos = asked["qos"]
        body = text(asked["topic"]) + (fresh(number) if qos else b"") + asked["payload"].encode()
        state["socket"].sendall(packet(0x30 | qos << 1 | (8 if DUP and qos else 0), body))
        return None if qos else say(id=number, outcome="done")
    if name == "subscribe":
        filters = b"".join(text(one["topic_filter"]) + bytes([one["qos"]]) for one in asked["subscriptions"])
        return state["socket"].sendall(packet(0x82, fresh(number) + filters))
    if name in ("disconnect", "drop"):
        if name == "disconnect":
            state["socket"].sendall(b"\xe0\x00")
        state["socket"].shutdown(socket.SHUT_RDWR)
        return say(id=number, outcome="done")
    if name == "stop":
        say(id=number, outcome="done")
        sys.exit(0)
    say(id=number, outcome="unsupported", what=name)


for line in sys.stdin:
    asked = json.loads(line)
    do(asked.pop("id"), asked.pop("do"), asked)

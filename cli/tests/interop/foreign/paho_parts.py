"""Plays a part with paho-mqtt: paho_parts.py URL CA VERSION NAME qos|retained|session|will

Everything below NAME is its own. What the library logs as a warning or an error goes to standard error.
"""

import os
import queue
import sys
import urllib.parse

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, LogLevel
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

url, ca, version, name, part = sys.argv[1:]
place, five = urllib.parse.urlparse(url), version == "5.0"


def logged(_client, _userdata, level, text):
    if level in (LogLevel.MQTT_LOG_WARNING, LogLevel.MQTT_LOG_ERR):
        print(text, file=sys.stderr)


class Person:
    """A client that is connected, with what it got."""

    def __init__(self, who, clean=True, will=None):
        web = place.scheme.startswith("ws")
        self.inbox, self.events = queue.Queue(), queue.Queue()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"{name}-{who}", clean_session=None if five else clean,
                                  protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
                                  transport="websockets" if web else "tcp", reconnect_on_failure=False)
        self.client.on_log = logged
        self.client.on_message = lambda _c, _u, message: self.inbox.put(message)
        self.client.on_connect = lambda _c, _u, flags, code, _p: self.events.put((flags.session_present, code.value))
        self.client.on_subscribe = lambda _c, _u, _mid, codes, _p: self.events.put([code.value for code in codes])
        self.client.on_disconnect = lambda _c, _u, _flags, code, _p: self.events.put(code.value)
        if web:
            self.client.ws_set_options(path=place.path)
        if place.scheme in ("mqtts", "wss"):
            self.client.tls_set(ca)
        if will:
            self.client.will_set(will, b"gone", 1, True)
        more = {}
        if five:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 0 if clean else 600
            more = {"clean_start": clean, "properties": properties}
        self.client.connect(place.hostname, place.port, 60, **more)
        self.client.loop_start()
        self.present, code = self.events.get(timeout=20)
        assert code == 0, code

    def subscribe(self, last, qos):
        self.client.subscribe(f"{name}/{last}", qos)
        assert self.events.get(timeout=20) == [qos]

    def publish(self, last, payload, qos, retain=False):
        told = self.client.publish(f"{name}/{last}", payload, qos, retain)
        told.wait_for_publish(20)
        assert told.is_published()

    def hears(self, last, payload, qos, retain=False):
        message = self.inbox.get(timeout=20)
        got = (message.topic, message.payload, message.qos, message.retain)
        assert got == (f"{name}/{last}", payload, qos, retain), got

    def leave(self):
        self.client.on_log = None  # It may look for its socket once more, and warn that there is none.
        self.client.disconnect()
        assert self.events.get(timeout=20) == 0
        self.client.loop_stop()
        assert self.inbox.empty()


if part == "qos":
    one = Person("one")
    one.subscribe("qos/#", 2)
    for qos in (0, 1, 2):
        for payload in (b"", bytes(range(256)), b"x" * 100_000):
            one.publish(f"qos/{qos}", payload, qos)
            one.hears(f"qos/{qos}", payload, qos)
    one.leave()
elif part == "retained":
    one, other = Person("one"), Person("other")
    one.publish("retained", b"there", 1, True)
    other.subscribe("retained", 2)
    other.hears("retained", b"there", 1, True)
    one.publish("retained", b"", 1, True)
    other.hears("retained", b"", 1)
    late = Person("late")
    late.subscribe("retained", 1)
    late.publish("retained", b"new", 1)
    late.hears("retained", b"new", 1)
    other.hears("retained", b"new", 1)
    for person in (one, other, late):
        person.leave()
elif part == "session":
    Person("away").leave()
    away = Person("away", clean=False)
    assert not away.present
    away.subscribe("session", 2)
    away.leave()
    other = Person("other")
    for qos in (1, 2):
        other.publish("session", b"kept", qos)
    other.leave()
    away = Person("away", clean=False)
    assert away.present
    for qos in (1, 2):
        away.hears("session", b"kept", qos)
    away.leave()
    Person("away").leave()
elif part == "will":
    Person("dies", will=f"{name}/will")
    print("will done", flush=True)
    os._exit(0)
print(part, "done")

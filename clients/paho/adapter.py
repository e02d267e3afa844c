"""An adapter for paho-mqtt, on clients/desk.py.

One client at a time, used as applications use it: callbacks of version 2, its own network thread, no reconnecting by itself.
What Squall asks and what the library tells goes through one queue.
"""

import contextlib
import json
import os
import queue
import socket
import sys
import threading

sys.path.append(sys.path[0] + "/..")  # Where desk.py is.
import paho.mqtt
from desk import Desk, require
from paho.mqtt.client import CallbackAPIVersion, Client, MQTT_ERR_CONN_LOST, MQTT_ERR_NO_CONN, MQTT_ERR_SUCCESS, error_string
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import MQTTException, Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

MESSAGE = ("payload_format_indicator", "message_expiry_interval", "content_type", "response_topic", "correlation_data",
           "topic_alias", "subscription_identifiers", "user_properties")
RETURN_CODES = {0x84: 1, 0x85: 2, 0x88: 3, 0x86: 4, 0x87: 5}  # The callbacks tell those of 3.1.1 in the numbers of 5.0.


def binary(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()


def theirs(name):
    """The library's name of a property: `user_properties` is `UserProperty`."""
    return "".join(word.capitalize() for word in name.replace("ies", "y").replace("identifiers", "identifier").split("_"))


class Adapter(Desk):
    unsupported = (NotImplementedError, MQTTException)

    def __init__(self):
        super().__init__(name="paho-mqtt", version=paho.mqtt.__version__, mqtt=["3.1.1", "5.0"])
        self.queue, self.handles = queue.SimpleQueue(), []
        self.client, self.kept = None, None

    def properties(self, kind, fields):
        """Properties of a packet, or None where there are none. The library raises where they do not belong there."""
        require(not fields or not self.v3, f"{', '.join(fields)} in MQTT 3.1.1")
        properties = Properties(kind)
        for name, value in fields.items():
            value = [tuple(pair) for pair in value] if name == "user_properties" else value
            setattr(properties, theirs(name), binary(value) if name == "correlation_data" else value)
        return properties if fields else None

    def do_connect(self, number, host, port, mqtt, client_identifier, clean_start, keep_alive, will=None, user_name=None,
                   password=None, manual_acknowledgement=False, **properties):
        self.v3, who = mqtt == "3.1.1", (client_identifier, mqtt)
        properties = self.properties(PacketTypes.CONNECT, properties)
        if clean_start or self.kept != who:
            self.lose(True, "the session was begun anew")
            self.client = Client(CallbackAPIVersion.VERSION2, client_identifier, clean_session=clean_start if self.v3 else None,
                                 protocol=4 if self.v3 else 5, reconnect_on_failure=False)
            for name in ("on_connect", "on_disconnect", "on_message", "on_publish", "on_subscribe", "on_unsubscribe"):
                seen = getattr(self, name)
                setattr(self.client, name, lambda *told, seen=seen: self.queue.put((seen, told)))
        self.kept = None if self.v3 and clean_start else who  # In 3.1.1 a client object keeps Clean Session for life.
        self.manual = manual_acknowledgement
        self.client.manual_ack_set(self.manual)
        self.client.username_pw_set(user_name, binary(password) if password is not None else None)
        self.client.will_clear()
        if will:
            self.set_will(**will)
        with contextlib.suppress(AttributeError):  # The last thread may end while the library looks at it.
            self.client.loop_stop()
        try:
            start = {} if self.v3 else {"clean_start": clean_start, "properties": properties}
            self.client.connect(host, port, keep_alive, **start)
            self.waiting["connect"] = (number, False)
            self.client.loop_start()
        except OSError as error:
            self.say(id=number, outcome="lost", why=str(error))

    def set_will(self, topic, payload, qos, retain=False, properties={}, **delay):
        self.client.will_set(topic, binary(payload), qos, retain, self.properties(PacketTypes.WILLMESSAGE, {**properties, **delay}))

    def do_publish(self, number, topic, payload, qos, retain=False, properties={}):
        properties = self.properties(PacketTypes.PUBLISH, properties)
        self.sent(number, *self.client.publish(topic, binary(payload), qos, retain, properties), qos > 0)

    def do_subscribe(self, number, subscriptions, **properties):
        wanted = [self.subscription(**one) for one in subscriptions]
        properties = self.properties(PacketTypes.SUBSCRIBE, properties)
        self.sent(number, *self.client.subscribe(wanted, properties=properties), False)

    def subscription(self, topic_filter, qos, no_local=False, retain_as_published=False, retain_handling=0):
        require(not self.v3 or not (no_local or retain_as_published or retain_handling), "options of filters in MQTT 3.1.1")
        return topic_filter, qos if self.v3 else SubscribeOptions(qos, no_local, retain_as_published, retain_handling)

    def do_unsubscribe(self, number, topic_filters, **properties):
        self.sent(number, *self.client.unsubscribe(topic_filters, self.properties(PacketTypes.UNSUBSCRIBE, properties)), False)

    def sent(self, number, rc, mid, lasting):
        """The library took a request, as `mid`, or did not."""
        if rc == MQTT_ERR_SUCCESS or (rc == MQTT_ERR_NO_CONN and lasting):
            self.waiting[mid] = (number, lasting)
        else:
            outcome = "lost" if rc in (MQTT_ERR_NO_CONN, MQTT_ERR_CONN_LOST) else "failed"
            self.say(id=number, outcome=outcome, why=error_string(rc))

    def do_acknowledge(self, number, handle):
        done = self.client.ack(*self.handles[handle - 1]) == MQTT_ERR_SUCCESS
        self.say(id=number, **{"outcome": "done"} if done else {"outcome": "lost", "why": "there is no connection"})

    def do_disconnect(self, number, reason=0, **properties):
        properties = self.properties(PacketTypes.DISCONNECT, properties)
        self.client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=reason) if reason else None, properties)
        self.say(id=number, outcome="done")

    def close(self):
        if self.client and self.client.socket():  # The library has no call for it, but hands out its socket.
            self.client.socket().shutdown(socket.SHUT_RDWR)

    def on_connect(self, _client, _data, flags, reason, _properties):
        self.connack(RETURN_CODES.get(reason.value, reason.value) if self.v3 else reason.value, flags.session_present)

    def on_disconnect(self, _client, _data, flags, reason, _properties):
        self.ended(str(reason), reason.value if flags.is_disconnect_packet_from_server else None)

    def on_publish(self, _client, _data, mid, reasons, _properties):
        codes = [reason.value for reason in (reasons if isinstance(reasons, list) else [reasons])]
        self.answer(mid, "done", reasons=codes)

    on_subscribe = on_unsubscribe = on_publish

    def on_message(self, _client, _data, message):
        there = [name for name in MESSAGE if hasattr(message.properties, theirs(name))]
        told = {name: getattr(message.properties, theirs(name)) for name in there}
        if "correlation_data" in told:
            told["correlation_data"] = {"hex": told["correlation_data"].hex()}
        self.handles.append((message.mid, message.qos))
        handle = len(self.handles) if self.manual and message.qos > 0 else None
        self.say(event="delivered", topic=message.topic, payload={"hex": message.payload.hex()}, qos=message.qos,
                 retain=bool(message.retain), dup=bool(message.dup), properties=told, handle=handle)

    def read(self):
        for line in sys.stdin:
            self.queue.put((self.take, [json.loads(line)]))
        os._exit(0)

    def take(self, fields):
        if self.client is None and fields["do"] in ("publish", "subscribe", "unsubscribe", "acknowledge", "disconnect"):
            return self.say(id=fields["id"], outcome="lost", why="there was no connection yet")
        super().take(fields)


adapter = Adapter()
threading.Thread(target=adapter.read, daemon=True).start()
while True:
    then, told = adapter.queue.get()
    if then == adapter.take or told[0] is adapter.client:  # Nothing of an older client.
        with contextlib.suppress(UnicodeError):  # A topic that is no text the library does not hand over.
            then(*told)

"""An adapter for paho-mqtt: JSON lines on standard input and output, as clients/README.md says.

One client at a time, used as applications use it: callbacks of version 2, its own network thread, no reconnecting by itself.
"""

import json
import os
import socket
import sys
import threading

import paho.mqtt
import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

MESSAGE = {"payload_format_indicator": "PayloadFormatIndicator", "message_expiry_interval": "MessageExpiryInterval",
           "content_type": "ContentType", "response_topic": "ResponseTopic", "correlation_data": "CorrelationData",
           "topic_alias": "TopicAlias", "user_properties": "UserProperty"}
CONNECT = {"session_expiry_interval": "SessionExpiryInterval", "receive_maximum": "ReceiveMaximum",
           "maximum_packet_size": "MaximumPacketSize", "topic_alias_maximum": "TopicAliasMaximum",
           "user_properties": "UserProperty"}
SUBSCRIPTION = {"no_local": "noLocal", "retain_as_published": "retainAsPublished", "retain_handling": "retainHandling"}
# The callbacks tell return codes of 3.1.1 in the numbers of 5.0.
RETURN_CODES = {0x84: 1, 0x85: 2, 0x88: 3, 0x86: 4, 0x87: 5}
KNOWN = {
    "hello": {"protocol"},
    "connect": {"host", "port", "mqtt", "client_identifier", "clean_start", "keep_alive", "will", "user_name", "password",
                "manual_acknowledgement", *CONNECT},
    "publish": {"topic", "payload", "qos", "retain", "properties"},
    "subscribe": {"subscriptions", "subscription_identifier", "user_properties"},
    "unsubscribe": {"topic_filters", "user_properties"},
    "acknowledge": {"handle"},
    "disconnect": {"reason", "session_expiry_interval"},
    "drop": set(), "stop": set(),
}


class Unsupported(Exception):
    pass


def binary(value):
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value.encode()


def written(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def only(fields, known, where):
    for name in fields:
        if name not in known:
            raise Unsupported(f"`{name}` in {where}")


class Adapter:
    def __init__(self):
        self.out = threading.Lock()
        self.lock = threading.Lock()
        self.client = self.kept = self.connecting = None
        self.live = False
        self.waiting = {}   # Operations by message identifier: its number, and whether it outlives the connection.
        self.early = {}     # Answers that came before the library said which message they are about.
        self.handles = []

    def say(self, **line):
        with self.out:
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()

    def answer(self, number, outcome, **more):
        self.say(id=number, outcome=outcome, **more)

    def properties(self, kind, fields, names, more=()):
        """Properties of a packet, or None where there are none."""
        found = [(names[name], value) for name, value in fields.items() if name in names] + list(more)
        if not found:
            return None
        if self.v3:
            raise Unsupported(f"{found[0][0]} in MQTT 3.1.1")
        properties = Properties(kind)
        for name, value in found:
            if name == "UserProperty":
                value = [tuple(pair) for pair in value]
            setattr(properties, name, binary(value) if name == "CorrelationData" else value)
        return properties

    # -- operations --

    def hello(self, number, _):
        self.answer(number, "hello", protocol=1, name="paho-mqtt", version=paho.mqtt.__version__, mqtt=["3.1.1", "5.0"])

    def connect(self, number, asked):
        if self.live or self.connecting is not None:
            return self.answer(number, "failed", why="there is a connection")
        v3 = self.v3 = asked["mqtt"] == "3.1.1"
        who = (asked["client_identifier"], v3)
        properties = self.properties(PacketTypes.CONNECT, asked, CONNECT)
        if asked["clean_start"] or self.kept != who:
            self.lose(True, "the session was begun anew")
            clean = {"clean_session": asked["clean_start"]} if v3 else {}
            self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, who[0], protocol=mqtt.MQTTv311 if v3 else mqtt.MQTTv5,
                                      reconnect_on_failure=False, **clean)
            for name in ("connect", "disconnect", "message", "publish", "subscribe", "unsubscribe"):
                setattr(self.client, "on_" + name, getattr(self, "on_" + name))
        # In 3.1.1 a client object keeps Clean Session for life.
        self.kept = None if v3 and asked["clean_start"] else who
        client = self.client
        self.manual = asked.get("manual_acknowledgement", False)
        client.manual_ack_set(self.manual)
        client.username_pw_set(asked.get("user_name"), binary(asked["password"]) if "password" in asked else None)
        client.will_clear()
        if "will" in asked:
            will = asked["will"]
            only(will, {"topic", "payload", "qos", "retain", "will_delay_interval", "properties"}, "will")
            only(will.get("properties", {}), MESSAGE, "the will's properties")
            delay = [("WillDelayInterval", will["will_delay_interval"])] if "will_delay_interval" in will else []
            client.will_set(will["topic"], binary(will["payload"]), will["qos"], will.get("retain", False),
                            self.properties(PacketTypes.WILLMESSAGE, will.get("properties", {}), MESSAGE, delay))
        start = {} if v3 else {"clean_start": asked["clean_start"], "properties": properties}
        self.connecting = number
        threading.Thread(target=self.dial, args=(client, asked, start), daemon=True).start()

    def dial(self, client, asked, start):
        try:
            client.loop_stop()
            client.connect(asked["host"], asked["port"], asked["keep_alive"], **start)
            client.loop_start()
        except (OSError, ValueError) as error:
            self.connecting, number = None, self.connecting
            self.answer(number, "lost" if isinstance(error, OSError) else "failed", why=str(error))

    def publish(self, number, asked):
        fields = asked.get("properties", {})
        only(fields, MESSAGE, "properties")
        properties = self.properties(PacketTypes.PUBLISH, fields, MESSAGE)
        info = self.client.publish(asked["topic"], binary(asked["payload"]), asked["qos"], asked.get("retain", False),
                                   properties)
        self.sent(number, info.rc, info.mid, asked["qos"] > 0)

    def subscribe(self, number, asked):
        wanted = []
        for one in asked["subscriptions"]:
            only(one, {"topic_filter", "qos", *SUBSCRIPTION}, "a subscription")
            options = {SUBSCRIPTION[name]: value for name, value in one.items() if name in SUBSCRIPTION}
            if options and self.v3:
                raise Unsupported("options of a subscription in MQTT 3.1.1")
            wanted.append((one["topic_filter"], one["qos"] if self.v3 else SubscribeOptions(one["qos"], **options)))
        names = {"subscription_identifier": "SubscriptionIdentifier", "user_properties": "UserProperty"}
        properties = self.properties(PacketTypes.SUBSCRIBE, asked, names)
        rc, mid = self.client.subscribe(wanted, properties=properties)
        self.sent(number, rc, mid, False)

    def unsubscribe(self, number, asked):
        properties = self.properties(PacketTypes.UNSUBSCRIBE, asked, {"user_properties": "UserProperty"})
        rc, mid = self.client.unsubscribe(asked["topic_filters"], properties)
        self.sent(number, rc, mid, False)

    def sent(self, number, rc, mid, lasting):
        """The library took a request, as `mid`; its answer may have been there first."""
        if rc != mqtt.MQTT_ERR_SUCCESS and not (rc == mqtt.MQTT_ERR_NO_CONN and lasting):
            lost = rc in (mqtt.MQTT_ERR_NO_CONN, mqtt.MQTT_ERR_CONN_LOST)
            return self.answer(number, "lost" if lost else "failed", why=mqtt.error_string(rc))
        with self.lock:
            if mid not in self.early:
                self.waiting[mid] = (number, lasting)
                return
            reasons = self.early.pop(mid)
        self.answer(number, "done", reasons=reasons)

    def acknowledge(self, number, asked):
        rc = self.client.ack(*self.handles[asked["handle"] - 1])
        self.answer(number, *(("done",) if rc == mqtt.MQTT_ERR_SUCCESS else ("lost",)),
                    **({} if rc == mqtt.MQTT_ERR_SUCCESS else {"why": mqtt.error_string(rc)}))

    def disconnect(self, number, asked):
        expiry = self.properties(PacketTypes.DISCONNECT, asked, {"session_expiry_interval": "SessionExpiryInterval"})
        reason = ReasonCode(PacketTypes.DISCONNECT, identifier=asked["reason"]) if "reason" in asked else None
        live = self.live
        rc = self.client.disconnect(reason, expiry)
        # The library says that there is no connection where its thread is quicker and has closed it already.
        if rc == mqtt.MQTT_ERR_SUCCESS or (rc == mqtt.MQTT_ERR_NO_CONN and live):
            self.answer(number, "done")
        else:
            self.answer(number, "lost", why=mqtt.error_string(rc))

    def drop(self, number, _):
        # The library has no call for it, but hands out its socket.
        if self.client and self.client.socket():
            self.client.socket().shutdown(socket.SHUT_RDWR)
        self.answer(number, "done")

    def stop(self, number, _):
        self.answer(number, "done")
        os._exit(0)

    # -- callbacks --

    def on_connect(self, _client, _data, flags, reason, _properties):
        self.connecting, number = None, self.connecting
        if reason.is_failure:
            code = RETURN_CODES.get(reason.value, reason.value) if self.v3 else reason.value
            return self.answer(number, "refused", reason=code)
        self.live = True
        self.say(event="connected", session_present=flags.session_present)
        self.answer(number, "connected", reason=reason.value, session_present=flags.session_present)

    def on_disconnect(self, _client, _data, flags, reason, _properties):
        self.connecting, number = None, self.connecting
        if number is not None:
            self.answer(number, "lost", why=str(reason))
        if self.live:
            self.live = False
            self.lose(False, str(reason))
            told = {"reason": reason.value} if flags.is_disconnect_packet_from_server else {}
            self.say(event="ended", why=str(reason), **told)

    def lose(self, everything, why):
        with self.lock:
            lost = {mid: one for mid, one in self.waiting.items() if everything or not one[1]}
            self.waiting = {mid: one for mid, one in self.waiting.items() if mid not in lost}
            self.early.clear()
        for number, _ in lost.values():
            self.answer(number, "lost", why=why)

    def came(self, mid, reasons):
        with self.lock:
            number, _ = self.waiting.pop(mid, (None, None))
            if number is None:
                self.early[mid] = reasons
        if number is not None:
            self.answer(number, "done", reasons=reasons)

    def on_publish(self, _client, _data, mid, reason, _properties):
        self.came(mid, [reason.value])

    def on_subscribe(self, _client, _data, mid, reasons, _properties):
        self.came(mid, [reason.value for reason in reasons])

    on_unsubscribe = on_subscribe

    def on_message(self, _client, _data, message):
        line = {"topic": message.topic, "payload": written(message.payload), "qos": message.qos,
                "retain": bool(message.retain), "dup": bool(message.dup), "properties": {}}
        for name, theirs in {**MESSAGE, "subscription_identifiers": "SubscriptionIdentifier"}.items():
            if hasattr(message.properties, theirs):
                value = getattr(message.properties, theirs)
                line["properties"][name] = written(value) if theirs == "CorrelationData" else value
        if self.manual and message.qos > 0:
            self.handles.append((message.mid, message.qos))
            line["handle"] = len(self.handles)
        self.say(event="delivered", **line)


def main():
    adapter = Adapter()
    for text in sys.stdin:
        asked = json.loads(text)
        number, name = asked.pop("id"), asked.pop("do")
        try:
            if name not in KNOWN:
                raise Unsupported(f"the operation `{name}`")
            only(asked, KNOWN[name], name)
            if adapter.client is None and name not in ("hello", "connect", "drop", "stop"):
                adapter.answer(number, "lost", why="there was no connection yet")
            else:
                getattr(adapter, name)(number, asked)
        except Unsupported as what:
            adapter.answer(number, "unsupported", what=str(what))
        except Exception as error:  # What the library throws is its answer.
            adapter.answer(number, "failed", why=f"{type(error).__name__}: {error}")
    os._exit(0)


main()

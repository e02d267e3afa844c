"""Publishes and subscribes with paho-mqtt while its broker goes down and comes back: paho_stays.py PORT VERSION COUNT

Prints what it got, a line each, once all that it published is acknowledged and has come. The library dials again by itself.
"""

import sys
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

port, version, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
five = version == "5.0"
got, complete, subscribed = [], threading.Event(), threading.Event()
acknowledged, all_acknowledged, presents = [], threading.Event(), []


def took(_client, _userdata, message):
    got.append(f"{message.qos} {message.payload.decode()}")
    if len(set(got)) == 2 * count:
        complete.set()


def was_acknowledged(_client, _userdata, mid, _code, _properties):
    acknowledged.append(mid)
    if len(acknowledged) == 2 * count:
        all_acknowledged.set()


client = mqtt.Client(CallbackAPIVersion.VERSION2, f"stays-{version}", clean_session=None if five else False,
                     protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311)
client.on_message = took
client.on_publish = was_acknowledged
client.on_connect = lambda _c, _u, flags, _code, _p: presents.append(flags.session_present)
client.on_subscribe = lambda *_: subscribed.set()
client.reconnect_delay_set(1, 1)
client.max_inflight_messages_set(20)
more = {}
if five:
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 600
    more = {"clean_start": mqtt.MQTT_CLEAN_START_FIRST_ONLY, "properties": properties}
client.connect("127.0.0.1", port, 60, **more)
client.loop_start()
client.subscribe(f"stays/{version}", 2)
assert subscribed.wait(20), "no SUBACK"
print("ready", flush=True)
pause = threading.Event()
for n in range(count):
    for qos in (1, 2):
        # Without a connection it is queued, whatever is returned.
        client.publish(f"stays/{version}", str(n), qos)
    pause.wait(0.01)
assert complete.wait(40), f"{len(set(got))} of {2 * count} came; connected {presents}"
assert all_acknowledged.wait(20), f"{len(acknowledged)} of {2 * count} are acknowledged"
client.disconnect()
client.loop_stop()
assert not presents[0] and all(presents[1:]), f"Session Present: {presents}"
print(f"connected {len(presents)}")
print("\n".join(got))

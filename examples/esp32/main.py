"""A parking sensor on an ESP32 with MicroPython: an ultrasonic sensor (JSN-SR04T) above the bay.

Copy this file to the board as main.py and change the settings. It speaks baybroker's contract by itself: no bridge.
"""  # noqa: INP001 - a script for a board, in no package

import json
import time

import machine
import network
import ntptime
from umqtt.simple import MQTTClient

WIFI = ("my-network", "my-password")
BROKER, PORT = "192.168.1.10", 1883
USER, PASSWORD = "gw-home", "its-password"
CITY, GATEWAY, ZONE, BAY = "seoul", "gw-home", "sillim", "home-1"
TRIGGER_PIN, ECHO_PIN = 5, 18

OCCUPIED_BELOW_MM, FREE_ABOVE_MM = 900, 1200  # between them the status stays what it was
AGREE = 3  # so many measurements in a row, a second apart, make a change
HEARTBEAT_S = 600
KEEPALIVE_S = 60
WATCHDOG_MS = 90_000  # longer than a connection takes; a hanging board starts again
ECHO_TIMEOUT_US = 30_000
RETRY_S = 5

UNIX_AT_2000 = 946_684_800
ROOT = f"parking/v1/{CITY}/gateways/{GATEWAY}"
STATUS_TOPIC = ROOT + "/status"
BAY_TOPIC = f"{ROOT}/bays/{ZONE}/{BAY}"


def now_ms(seconds: int) -> int:
    """Return epoch milliseconds; MicroPython counts `seconds` from 2000 on an ESP32, from 1970 elsewhere."""
    epoch_year = time.gmtime(0)[0]
    return (seconds + (UNIX_AT_2000 if epoch_year == 2000 else 0)) * 1000  # noqa: PLR2004 - a year


def rfc3339(seconds: int) -> str:
    """Return the board's time as `2026-03-02T09:00:00Z`."""
    return "{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}Z".format(*time.gmtime(seconds)[:6])


def millimetres(echo_us: int) -> int | None:
    """Return the distance for the echo's length (0.343 mm a microsecond, there and back); None: no echo."""
    return None if echo_us < 0 else echo_us * 343 // 2000


class Judge:
    """From distances to a status: a threshold with hysteresis, and several measurements that agree."""

    def __init__(self) -> None:
        self.status = "unknown"
        self._candidate = "unknown"
        self._times = 0

    def measured(self, mm: int | None) -> bool:
        """Take a distance in; tell whether the status has changed."""
        seen = self._seen(mm)
        self._times = self._times + 1 if seen == self._candidate else 1
        self._candidate = seen
        if seen == self.status or self._times < AGREE:
            return False
        self.status = seen
        return True

    def _seen(self, mm: int | None) -> str:
        if mm is None:
            return "unknown"
        if mm < OCCUPIED_BELOW_MM:
            return "occupied"
        if mm > FREE_ABOVE_MM:
            return "free"
        return self.status


class Messages:
    """The contract's messages. Each topic's `seq` counts from 0 at power-up and goes on over reconnects."""

    def __init__(self, started: int) -> None:
        self._started = started
        self._seq = {"occupancy": 0, "device": 0}

    def gateway(self, *, online: bool) -> tuple[str, bytes]:
        """Return the birth, or the will."""
        said = {"online": online, "started_at": rfc3339(self._started), "bays": 1}
        return STATUS_TOPIC, json.dumps(said).encode()

    def occupancy(self, now: int, status: str) -> tuple[str, bytes]:
        """Return the bay's state."""
        return self._numbered("occupancy", now, {"status": status})

    def device(self, now: int, rssi_dbm: int) -> tuple[str, bytes]:
        """Return the sensor's health."""
        return self._numbered("device", now, {"heartbeat_s": HEARTBEAT_S, "rssi_dbm": rssi_dbm})

    def _numbered(self, topic: str, now: int, said: dict) -> tuple[str, bytes]:
        said["boot_id"] = now_ms(self._started)
        said["seq"] = self._seq[topic]
        said["observed_at"] = rfc3339(now)
        self._seq[topic] += 1
        return BAY_TOPIC + "/" + topic, json.dumps(said).encode()


def say(client: MQTTClient, message: tuple[str, bytes]) -> None:
    """Publish, retained and at QoS 1: returns when the broker has it."""
    topic, payload = message
    client.publish(topic.encode(), payload, retain=True, qos=1)


def new_client(messages: Messages) -> MQTTClient:
    """Connect with a will, and say that we are there."""
    client = MQTTClient(GATEWAY, BROKER, PORT, USER, PASSWORD, KEEPALIVE_S)
    topic, payload = messages.gateway(online=False)
    client.set_last_will(topic.encode(), payload, retain=True, qos=1)
    client.connect()
    say(client, messages.gateway(online=True))
    return client


def beat(client: MQTTClient, messages: Messages, status: str, rssi_dbm: int) -> None:
    """Say everything: with each heartbeat, and after each connect."""
    say(client, messages.occupancy(time.time(), status))
    say(client, messages.device(time.time(), rssi_dbm))


def set_clock() -> bool:
    """Ask the network for the time; tell whether it answered."""
    try:
        ntptime.settime()
    except OSError:
        return False
    return True


def join(wlan: "network.WLAN", feed: object) -> None:
    """Join the network and set the clock: without the right time nothing may be said."""
    wlan.active(True)  # noqa: FBT003 - MicroPython's own
    if not wlan.isconnected():
        wlan.connect(*WIFI)
    while not wlan.isconnected():
        time.sleep(1)
    feed()
    while not set_clock():
        time.sleep(RETRY_S)


def serve(wlan: "network.WLAN", messages: Messages, judge: Judge, measure: object, feed: object) -> None:
    """Measure every second over one connection; raises OSError when it is lost."""
    client = new_client(messages)
    beat(client, messages, judge.status, wlan.status("rssi"))
    said = pinged = time.time()
    while True:
        feed()
        if judge.measured(measure()):
            say(client, messages.occupancy(time.time(), judge.status))
        if time.time() - said >= HEARTBEAT_S:
            set_clock()
            beat(client, messages, judge.status, wlan.status("rssi"))
            said = time.time()
        if time.time() - pinged >= KEEPALIVE_S // 2:
            client.ping()
            pinged = time.time()
        client.check_msg()  # takes the ping's answer
        time.sleep(1)


def run() -> None:
    """Run for ever. Whatever goes wrong for longer than the watchdog waits ends in a fresh start."""
    watchdog = machine.WDT(timeout=WATCHDOG_MS)
    trigger, echo = machine.Pin(TRIGGER_PIN, machine.Pin.OUT), machine.Pin(ECHO_PIN, machine.Pin.IN)

    def measure() -> int | None:
        trigger.value(1)
        time.sleep_us(20)
        trigger.value(0)
        return millimetres(machine.time_pulse_us(echo, 1, ECHO_TIMEOUT_US))

    wlan, judge, messages = network.WLAN(network.STA_IF), Judge(), None
    while True:
        try:
            join(wlan, watchdog.feed)
            messages = messages or Messages(time.time())
            serve(wlan, messages, judge, measure, watchdog.feed)
        except OSError as error:
            print("trying again:", error)  # noqa: T201 - the board's console
            time.sleep(RETRY_S)


if __name__ == "__main__":
    run()

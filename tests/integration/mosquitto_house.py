"""Runs config/mosquitto/start.sh in a private tree and speaks to the broker it becomes. Shared by test_mosquitto_*."""

from __future__ import annotations

import os
import queue
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho

TIMEOUT_S = 10
START_SH = Path(__file__).parents[2] / "config" / "mosquitto" / "start.sh"
PATH = f"{os.environ['PATH']}:/usr/sbin"
MISSING = [program for program in ("mosquitto", "mosquitto_passwd") if shutil.which(program, path=PATH) is None]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class House:
    """One installation: secrets and data that stay, a broker that can be started again and again."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.secrets, self.run, self.data = tree / "secrets", tree / "run", tree / "data"
        self.port = free_port()
        self.pid = 0

    def environment(self, **settings: str) -> dict[str, str]:
        places = {"SECRETS_DIR": self.secrets, "RUN_DIR": self.run, "DATA_DIR": self.data}
        return {"PATH": PATH, "LISTEN": f"{self.port} 127.0.0.1", **{k: str(v) for k, v in places.items()}, **settings}

    def secret(self, user: str) -> str:
        return (self.secrets / user).read_text().strip()

    @contextmanager
    def running(self, **settings: str):
        process = subprocess.Popen(
            ["sh", START_SH],
            env=self.environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.rstrip().endswith("running"):
                    break
            else:
                raise AssertionError(f"the broker did not start: {lines}")
            # A SIGTERM between "running" and its first turn of the loop is lost: wait for an answer, be it a refusal.
            Client(self.port).close()
            self.pid = process.pid
            yield self
        finally:
            process.terminate()
            try:
                process.communicate(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise

    def refusal(self, **settings: str) -> str:
        """Return what start.sh says when it must not start; it must end with code 2."""
        done = subprocess.run(
            ["sh", START_SH],
            env=self.environment(**settings),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 2, done
        return done.stderr


@contextmanager
def new_house():
    """Yield a House whose tree the mosquitto user can reach, which pytest's own folders do not allow."""
    with tempfile.TemporaryDirectory(prefix="baybroker-") as name:
        tree = Path(name)
        tree.chmod(0o755)
        yield House(tree)


class Client:
    """A paho client that waits for each answer of the broker."""

    def __init__(self, port: int, username: str | None = None, password: str | None = None, ca=None) -> None:
        self.messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.ended: queue.Queue[int] = queue.Queue()
        self._connacks: queue.Queue[paho.ReasonCode] = queue.Queue()
        self._subacks: queue.Queue[int] = queue.Queue()
        self._paho = paho.Client(paho.CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        if username is not None:
            self._paho.username_pw_set(username, password)
        if ca is not None:
            self._paho.tls_set(ca_certs=str(ca))
        self._paho.on_connect = lambda *args: self._connacks.put(args[3])
        self._paho.on_subscribe = lambda *args: self._subacks.put(args[2])
        self._paho.on_message = lambda *args: self.messages.put((args[2].topic, args[2].payload))
        self._paho.on_disconnect = lambda *_: self.ended.put(1)
        self._paho.connect("127.0.0.1", port)
        self._paho.loop_start()
        self.answer = self._connacks.get(timeout=TIMEOUT_S)

    def __enter__(self):
        assert not self.answer.is_failure, self.answer
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        self._paho.disconnect()
        self._paho.loop_stop()
        del self._paho  # its callbacks know us: without this only the collector would close its sockets

    def subscribe(self, *filters: str) -> None:
        for one in filters:
            self._paho.subscribe(one, qos=1)
            self._subacks.get(timeout=TIMEOUT_S)

    def send(self, topic: str, payload: bytes) -> None:
        """Hand the message to the socket, without waiting for an answer."""
        self._paho.publish(topic, payload, qos=1)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait for the acknowledgement, which a denied publish gets as well."""
        info = self._paho.publish(topic, payload, qos=1, retain=retain)
        info.wait_for_publish(TIMEOUT_S)
        assert info.is_published()

    def next(self) -> tuple[str, bytes]:
        return self.messages.get(timeout=TIMEOUT_S)

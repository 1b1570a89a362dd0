"""MQTT transports behind one Protocol, and the broker that `demo` starts."""

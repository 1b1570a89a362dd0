"""Everything that knows MQTT exists: the wire contract, transports and the embedded broker."""

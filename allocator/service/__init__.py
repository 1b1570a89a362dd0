"""The shell around the core: MQTT in, one transaction a batch, MQTT out."""

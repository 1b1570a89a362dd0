"""The HTTP side: reads the allocator's database, publishes commands over MQTT, and decides nothing."""

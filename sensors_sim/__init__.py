"""The world: bays, residents, drivers, sensors and their faults. Knows nothing of the allocator."""

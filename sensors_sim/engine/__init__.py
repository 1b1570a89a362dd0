"""The engine: residents, drivers, squatters and sensors in virtual time. Pure: no clock, no I/O, seeded."""

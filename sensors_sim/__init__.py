"""The simulated world: bays, residents, drivers, sensors and their faults; and the replay of real stays."""

"""Real sensors in: uplinks of LoRaWAN networks and JSON of any shape become messages of the contract."""

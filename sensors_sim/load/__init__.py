"""What a load test tells: what was sent, and what became of it at the broker."""

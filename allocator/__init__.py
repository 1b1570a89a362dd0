"""Who gets which bay: a pure core that decides, and a service that persists and publishes."""

"""Other systems, in and out: network servers, JSON sources, Home Assistant."""

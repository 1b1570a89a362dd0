"""The wire contract: topics, messages and their codec. Pure."""

"""Checks that measure by trying: is this broker, this database, this clock good enough for baybroker?"""

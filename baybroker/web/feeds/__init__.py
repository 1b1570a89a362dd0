"""The city's data as open feeds: CDS 1.1, APDS 4.0 and NGSI-LD, read only, and nothing in them that names a person."""

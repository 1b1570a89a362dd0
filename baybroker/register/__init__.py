"""The register of bays as people read it and change it."""

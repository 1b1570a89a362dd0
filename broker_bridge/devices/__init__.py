"""What real sensors' frames mean: decoders and the profiles that name them. Pure: bytes in, readings out."""

from broker_bridge.devices.frame import FrameError, Kind, Reading, Status
from broker_bridge.devices.profile import Profile, load_profile, load_profiles

__all__ = ["FrameError", "Kind", "Profile", "Reading", "Status", "load_profile", "load_profiles"]

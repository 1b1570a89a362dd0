"""The laboratory: virtual days against the real core, with no broker, to compare policies and count broken promises."""

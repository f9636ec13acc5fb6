"""The mirror: what was read is merged with what is known, judged, and written. Cycle and office share it."""

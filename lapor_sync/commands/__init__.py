"""The commands, by subject: what looks, what acts, and the tools beside the work."""

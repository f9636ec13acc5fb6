"""The commands, by subject: what looks, what acts, copies of the database, and the tools beside the work."""

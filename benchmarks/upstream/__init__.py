"""The benchmark's upstream: replies made before the run, served by a compiled server on loopback."""

"""The rules of the domain: plain values and pure functions; no SQL, HTTP, clock or log."""

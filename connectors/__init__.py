"""One package per outside system; each imports `lapor_sync.domain` and nothing else of ours."""

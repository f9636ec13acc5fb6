"""What a monitor is told: whether the processes live, whether the mirror is fresh, and numbers for Prometheus."""

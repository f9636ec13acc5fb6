"""lapor-sync mirrors a city's SP4N-LAPOR! reports and delivers its agencies' responses exactly once."""

__version__ = "0.1.0"

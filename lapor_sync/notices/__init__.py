"""Notices: making them of what the audit and the clock tell, and sending those that wait."""

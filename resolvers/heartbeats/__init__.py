"""Heartbeats: signs of life that cron jobs and workers send, and what their absence means."""

"""Notifications on their way to channels: written where they arise, sent by a job."""

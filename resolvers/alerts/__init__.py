"""Alerts: rules over figures, evaluated as time goes by, what they opened, and why."""

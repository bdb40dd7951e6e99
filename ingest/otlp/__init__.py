"""OpenTelemetry's door in: spans of model calls and of served requests become events, all others pass by."""

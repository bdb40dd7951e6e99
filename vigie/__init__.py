"""The process: settings, the application, the command line, jobs and telemetry."""

"""What whoever runs the platform sees of it: logs, metrics, whether it is ready."""

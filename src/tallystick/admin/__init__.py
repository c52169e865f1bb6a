"""What whoever runs the platform does at the command line: keys, operators, checks, backups."""

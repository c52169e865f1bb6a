"""The decision engine: rules, lists, features and a score decide each command."""

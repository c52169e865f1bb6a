"""Books as text: Beancount and hledger, out and in."""

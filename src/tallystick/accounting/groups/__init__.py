"""Named groups of accounts: listed, nested, or by rule; what they have, and what moved."""

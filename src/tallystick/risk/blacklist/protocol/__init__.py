"""What institutions speak: identifiers, the oblivious function, the set, the witnessed log."""

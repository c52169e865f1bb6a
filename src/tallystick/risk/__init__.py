"""Risk: what the platform knows of fraud. It is asked and fed; it never moves money."""

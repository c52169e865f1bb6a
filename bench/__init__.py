"""What we claim, measured beside what we compare with: `script/bench NAME`."""

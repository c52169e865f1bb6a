"""Account anomaly warning: it knows each account's habits and tells what breaks them."""

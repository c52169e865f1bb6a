"""What people say about accounts and transfers: names with values, beside the books."""

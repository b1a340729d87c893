"""Tables of a hospital."""

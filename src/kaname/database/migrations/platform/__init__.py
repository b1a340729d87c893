"""Tables of the de-identified side."""

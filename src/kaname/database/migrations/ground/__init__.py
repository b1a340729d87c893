"""Tables that every node has."""

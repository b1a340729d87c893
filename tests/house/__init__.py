"""The tests that hold the house to its rules. A package, so that they can share what they read."""

"""Models from training to work. A package, so that its tests share what was made once."""

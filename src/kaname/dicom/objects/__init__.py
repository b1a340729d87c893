"""Objects derived from images: which classes they are, what they refer to, and the reports that a model writes."""

"""The whole loop on this machine: three sites, from a hospital PACS to a model and back, all of it through doors."""

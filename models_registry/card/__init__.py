"""Facts about a version: for its pages, its model card and its backup."""

"""Models by name: which there are, where they lie, how they come. Never imports torch."""

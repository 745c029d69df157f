"""What a film should be. Nothing in this folder imports torch."""

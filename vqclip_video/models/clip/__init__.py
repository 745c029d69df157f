"""CLIP: what sees."""

"""The VQGAN: what paints."""

"""The networks: CLIP and VQGAN, from the files they are published in."""

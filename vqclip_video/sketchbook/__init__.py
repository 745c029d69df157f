"""Small pictures, stored as a VQGAN's code maps, that a film's scenes are drawn toward."""

"""Many films over many machines, on Ray. What Ray does stands in cluster.py alone."""

"""The commands. Nobody imports this folder."""

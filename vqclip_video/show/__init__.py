"""Who is told how a render goes."""

"""A pair's prior: what knows how its pictures are composed."""

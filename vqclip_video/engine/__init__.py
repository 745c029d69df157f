"""The optimisation, from a storyboard to a stream of pictures."""

"""The illustrated world: pictures of things, places, hours and looks, painted from chance, each
with its captions.

It is what the storybook pair is trained on, and what the sketchbook's pictures are chosen from.
"""

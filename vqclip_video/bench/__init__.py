"""`vqclip-video bench`: how fast the engine is here, against the usual recipe, and how soon a
picture is good.
"""

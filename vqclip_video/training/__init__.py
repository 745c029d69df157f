"""How a VQGAN is trained on a folder of pictures, and how the storybook pair was made."""

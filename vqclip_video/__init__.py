"""vqclip-video: films of an optimisation, from a YAML storyboard of timed prompts to an MP4."""

__version__ = "0.1.0"

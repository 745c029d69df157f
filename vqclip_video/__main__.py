"""`python -m vqclip_video`, the same as the command `vqclip-video`."""

from .cli.main import main

main()

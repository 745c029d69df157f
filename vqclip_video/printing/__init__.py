"""From the latents of a film that was shot to films: when which picture is shown."""

"""Storyboards to start from, made of what somebody has: lyrics, photographs, other tools' settings."""

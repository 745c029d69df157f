"""Storyboards to start from: of lyrics, of photographs, of the settings of other tools."""

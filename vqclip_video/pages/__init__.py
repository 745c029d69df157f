"""Pages that people look at in a browser, each one file that fetches nothing."""

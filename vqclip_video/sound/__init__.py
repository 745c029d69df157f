"""What a film is heard with, and what it hears: sound as numbers. Never imports torch."""

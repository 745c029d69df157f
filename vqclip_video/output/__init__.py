"""What stays on disk. Nothing in this folder imports torch, `checkpoint` aside."""

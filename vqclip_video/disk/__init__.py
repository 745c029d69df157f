"""What lies on a disk: whole files, locks, notes, pictures, checksums. Never imports torch."""

"""What lies on a disk: whole files, locks, notes, pictures, checksums; and ffmpeg, which reads and
writes films and sounds. Never imports torch."""

"""Detection in video, replayed on recorded traces: ALERT, its peers, and scenes that change."""

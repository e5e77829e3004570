"""Pictures of profiles, runs and replays. They need matplotlib."""

"""Pictures of profiles, runs and replays. They need matplotlib."""

from alert._installation import require

require("plot", ["matplotlib"])

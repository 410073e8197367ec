"""The fitting room on many machines: its parts as services, the room that asks them, and work in bulk."""

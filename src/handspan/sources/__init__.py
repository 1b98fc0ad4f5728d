"""What each orchestrator says, translated into events: one file each, pure."""

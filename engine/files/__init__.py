"""The door for files: opened by content and not by name, proved whole, or refused with the damage's place."""

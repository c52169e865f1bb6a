"""The shared blacklist: institutions warn each other without saying whom they ask about."""

"""The core of Coze Bridge: it knows no platform, no vendor and no database, only the way of one message."""

"""Stand-ins for Telegram, Slack and Coze: real HTTP for the real SDKs, with limits and faults on demand."""

"""The Lua scripts, each with its contract at the top; read by inspector.queue.scripting."""

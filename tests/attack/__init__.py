"""`python -m tests.attack`: measures what a real camera notices while a gateway is attacked."""

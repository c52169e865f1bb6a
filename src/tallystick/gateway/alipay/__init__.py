"""The Alipay OpenAPI protocol on the wire: decode, verify, answer and notify.

Nothing here does I/O, reads a clock or draws a random number; times, nonces and keys are
arguments. `docs/gateway.md` tells where the real clients differ from the public documentation.
"""

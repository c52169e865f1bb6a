"""The platform's own REST API, beside the gateway that speaks the partners' protocol."""

"""Merchant credit: loans on a shop's sales history, repaid out of its settlements too."""

__all__: list[str] = []

"""Money as whole minor units: currencies, amounts, share-out, rates and business calendars."""

__all__: list[str] = []

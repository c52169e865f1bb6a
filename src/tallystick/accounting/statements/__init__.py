"""Statements of accounts as documents: day by day, in every form that people and programs take."""

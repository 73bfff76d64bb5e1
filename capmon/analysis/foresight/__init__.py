"""Forecasts over minutes and hours, how likely they cross a limit, and how past ones did."""

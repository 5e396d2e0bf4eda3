"""Text formats that people edit: YAML with line numbers, and CSV for spreadsheet programs."""
